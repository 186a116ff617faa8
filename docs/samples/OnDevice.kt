// Synthesises a label map on Android with an exported .tflite, by LiteRT's CompiledModel. A sample to copy from, which
// was parsed, and neither compiled nor run.
//
//     implementation("com.google.ai.edge.litert:litert:2.3.0")       // build.gradle.kts
//     implementation("com.google.ai.edge.litert:litert-gpu:2.3.0")   // without it Accelerator.GPU computes on the CPU

import android.content.Context
import android.graphics.Bitmap
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.floor
import org.json.JSONObject

/** A model that takes labels alone and gives floats, as the export writes it without --uint8_io. */
class OnDevice(context: Context, asset: String = "model_float16.tflite") : AutoCloseable {
    private val description = JSONObject(readDescription(context.assets.open(asset).use { it.readBytes() }))
    private val model =
        CompiledModel.create(context.assets, asset, CompiledModel.Options(Accelerator.GPU, Accelerator.CPU))
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()
    private val size = description.getJSONObject("arguments").getJSONArray("image_size")
    val height = size.getInt(0)
    val width = size.getInt(1)

    /** From the value of a label map to the label id; values that are not here are no class. */
    val idOf: Map<Int, Int> = buildMap {
        val known = description.getJSONObject("classes")
        val classes = known.getJSONArray("classes")
        for (index in 0 until classes.length()) {
            put(classes.getJSONObject(index).getInt("raw_id"), classes.getJSONObject(index).getInt("id"))
        }
        if (!known.isNull("ignore_index")) put(known.getInt("ignore_index"), classes.length())
    }

    init {
        require(inputs.size == 1 && outputs.size == 1) { "the model takes more than labels, or gives more pictures" }
    }

    /** The picture of a label map: values, row by row, of any size. */
    fun synthesise(values: IntArray, valuesHeight: Int, valuesWidth: Int): Bitmap {
        require(values.size == valuesHeight * valuesWidth) { "${values.size} values" }
        val labels = IntArray(height * width) { pixel ->
            val row = (2 * (pixel / width) + 1) * valuesHeight / (2 * height) // of the cell at the centre
            val column = (2 * (pixel % width) + 1) * valuesWidth / (2 * width)
            val value = values[row * valuesWidth + column]
            requireNotNull(idOf[value]) { "value $value is no class" }
        }
        inputs[0].writeInt(labels)
        model.run(inputs, outputs)
        val image = outputs[0].readFloat()
        val pixels = IntArray(height * width) { pixel ->
            val (red, green, blue) = List(3) { toByte(image[3 * pixel + it]) }
            (255 shl 24) or (red shl 16) or (green shl 8) or blue
        }
        return Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888)
    }

    /** From [-1, 1] to 0..255. */
    private fun toByte(x: Float): Int = floor((x.coerceIn(-1f, 1f) + 1f) * 127.5f + 0.5f).toInt()

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }
}

/** The metadata entry "ecgan_tf" of a .tflite: a FlatBuffer, whose root table has buffers (4) and metadata (6). */
fun readDescription(content: ByteArray): String {
    val view = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
    fun follow(place: Int): Int = place + view.getInt(place)
    fun field(table: Int, number: Int): Int {
        val fields = table - view.getInt(table)
        val slot = 4 + 2 * number
        val offset = if (slot < view.getShort(fields)) view.getShort(fields + slot).toInt() else 0
        return if (offset == 0) 0 else table + offset
    }
    fun text(vector: Int): String = String(content, vector + 4, view.getInt(vector), Charsets.UTF_8)
    fun item(vector: Int, index: Int): Int = follow(vector + 4 + 4 * index)
    val model = follow(0)
    val entries = field(model, 6)
    val count = if (entries == 0) 0 else view.getInt(follow(entries))
    for (index in 0 until count) {
        val entry = item(follow(entries), index)
        if (text(follow(field(entry, 0))) != "ecgan_tf") continue
        val buffer = field(entry, 1).let { if (it == 0) 0 else view.getInt(it) }
        return text(follow(field(item(follow(field(model, 4)), buffer), 0)))
    }
    error("the model does not describe itself; export it again")
}
