"""What exemplars change in an objective: which terms have a ground truth, and what holds without one."""

from keras import ops

from ecgan_tf.losses.reduction import per_example_mean
from ecgan_tf.losses.style import class_style_loss, slot_entropy, style_statistics_loss

# Symbols of the terms that compare with the photograph.
WITH_TARGET = ("L_f^", "L_p^", "L_1^", "L_pix")
VGG_LAYERS = 4  # relu1_1 .. relu4_1


def with_exemplar_terms(terms, batch, outputs, loss, num_classes, vgg=None):
    """The terms of a generator's total when it paints after exemplars (spec/msca.md, section 6).

        terms that compare with the photograph   only where has_target is 1
        L_style, weight config.loss.style        only where it is 0, that is, for retrieved exemplars: by VGG-19's
                                                 features where they are at hand, else by the colours of each class
        mask, slots                              what to watch, of weight 0: the mean of MSCA's masks, and how evenly
                                                 its slots are used, which config.loss.slot_entropy rewards

    Args:
        terms: dictionary from symbol to (weight, float32 (batch,)).
        batch: dictionary of a training batch.
        outputs: of the generator.
        loss: config.loss.
        num_classes: N.
        vgg: from `make_vgg_features`, or None.
    Returns:
        dictionary as `terms`.
    """
    has_target = ops.cast(batch["has_target"], "float32")
    result = {
        symbol: (weight, value * has_target if symbol.startswith(WITH_TARGET) else value)
        for symbol, (weight, value) in terms.items()
    }
    if loss.style:
        if vgg:
            pictures = (vgg(outputs["image"])[:VGG_LAYERS], vgg(batch["exemplar"])[:VGG_LAYERS])
            distance = style_statistics_loss(*pictures)
        else:
            pictures = (outputs["image"], batch["labels"], batch["exemplar"], batch["exemplar_labels"])
            distance = class_style_loss(*pictures, num_classes)
        result["L_style"] = (loss.style, distance * (1.0 - has_target))
    maps = outputs.get("attention", ())
    masks = [per_example_mean(each["mask"]) for each in maps if "mask" in each]
    used = [slot_entropy(each["target"]) for each in maps if "target" in each and each["target"].shape[-1] > 1]
    if masks:
        result["mask"] = (0.0, sum(masks) / len(masks))
    if used:
        result["slots"] = (-loss.slot_entropy, sum(used) / len(used))
    return result
