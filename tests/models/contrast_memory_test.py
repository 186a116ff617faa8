import numpy as np
import pytest

from ecgan_tf.models.heads import ContrastMemory


@pytest.fixture
def memory():
    memory = ContrastMemory((1, 3), num_classes=2, entries=3, dimension=4)
    memory.build()
    return memory


def write(memory, numbers, shown, scale=1):
    """Writes embeddings that hold nothing but a number: `numbers` and `shown` are (batch, classes)."""
    numbers = np.float32(numbers)
    memory.write(scale, np.repeat(numbers[..., None], 4, axis=-1), np.float32(shown))


def held(memory, scale=1):
    """The numbers of each class, None where nothing was written."""
    embeddings, labels, valid = (np.asarray(part) for part in memory.read(scale))
    assert labels.tolist() == [0, 0, 0, 1, 1, 1] and embeddings.shape == (6, 4)
    numbers = [float(embedding[0]) if ok else None for embedding, ok in zip(embeddings, valid)]
    return numbers[:3], numbers[3:]


def test_at_first_nothing_counts(memory):
    assert held(memory) == ([None] * 3, [None] * 3)


def test_images_are_kept_in_their_order_and_classes_apart(memory):
    write(memory, [[1, 9], [2, 5]], [[1, 0], [1, 1]])
    assert held(memory) == ([1, 2, None], [5, None, None])
    assert held(memory, scale=3) == ([None] * 3, [None] * 3)


def test_the_newest_replace_the_oldest(memory):
    for number in range(1, 12):
        write(memory, [[number, 0]], [[1, 0]])
        kept = held(memory)[0]
        newest = list(range(max(1, number - 2), number + 1))
        assert sorted(entry for entry in kept if entry) == newest
        assert kept[(number - 1) % 3] == number
    assert held(memory)[1] == [None] * 3


def test_a_batch_wraps_around(memory):
    write(memory, [[1, 1], [2, 2]], [[1, 1], [1, 0]])
    write(memory, [[3, 3], [4, 4]], [[1, 0], [1, 0]])
    assert held(memory) == ([4, 2, 3], [1, None, None])
    write(memory, [[5, 5], [6, 6], [7, 7]], [[1, 1], [1, 1], [1, 1]])
    assert held(memory) == ([7, 5, 6], [7, 5, 6])


def test_it_is_not_trained(memory):
    assert not memory.trainable_variables
    assert len(memory.variables) == 4  # ring and count of each scale
