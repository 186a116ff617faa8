// Synthesises a label map on iOS with an exported .tflite, by the pod TensorFlowLiteSwift. A sample to copy from, which
// was parsed, and neither compiled nor run.
//
//     pod 'TensorFlowLiteSwift', '~> 2.17', :subspecs => ['Metal']     # Podfile

import CoreGraphics
import Foundation
import TensorFlowLite

struct OnDeviceError: Error {
  let words: String
}

struct Description: Decodable {
  struct Arguments: Decodable {
    let image_size: [Int]
  }
  struct Classes: Decodable {
    struct Entry: Decodable {
      let id: Int
      let raw_id: Int
      let name: String
    }
    let ignore_index: Int?
    let classes: [Entry]
  }
  let arguments: Arguments
  let classes: Classes
}

/// A model that takes labels alone and gives floats, as the export writes it without --uint8_io.
final class OnDevice {
  let height: Int
  let width: Int
  /// From the value of a label map to the label id; values that are not here are no class.
  let idOf: [Int: Int32]
  private let interpreter: Interpreter

  init(path: String) throws {
    let content = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    let description = try JSONDecoder().decode(Description.self, from: readDescription(content))
    (height, width) = (description.arguments.image_size[0], description.arguments.image_size[1])
    var known = Dictionary(
      description.classes.classes.map { ($0.raw_id, Int32($0.id)) }, uniquingKeysWith: { first, _ in first })
    if let unknown = description.classes.ignore_index {
      known[unknown] = Int32(description.classes.classes.count)
    }
    idOf = known
    interpreter = try Interpreter(modelPath: path, delegates: [MetalDelegate()])
    try interpreter.allocateTensors()
    guard interpreter.inputTensorCount == 1, interpreter.outputTensorCount == 1 else {
      throw OnDeviceError(words: "the model takes more than labels, or gives more pictures")
    }
  }

  /// The picture of a label map: values, row by row, of any size.
  func synthesise(values: [Int], valuesHeight: Int, valuesWidth: Int) throws -> CGImage {
    var labels = [Int32](repeating: 0, count: height * width)
    for row in 0..<height {
      let valuesRow = (2 * row + 1) * valuesHeight / (2 * height)  // of the cell at the centre
      for column in 0..<width {
        let value = values[valuesRow * valuesWidth + (2 * column + 1) * valuesWidth / (2 * width)]
        guard let id = idOf[value] else { throw OnDeviceError(words: "value \(value) is no class") }
        labels[row * width + column] = id
      }
    }
    try interpreter.copy(labels.withUnsafeBufferPointer { Data(buffer: $0) }, toInputAt: 0)
    try interpreter.invoke()
    let image = try interpreter.output(at: 0).data.withUnsafeBytes { Array($0.bindMemory(to: Float32.self)) }
    let pixels = image.map { UInt8(((min(max($0, -1), 1) + 1) * 127.5 + 0.5).rounded(.down)) }  // [-1, 1] to 0..255
    guard
      let provider = CGDataProvider(data: Data(pixels) as CFData),
      let picture = CGImage(
        width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 24, bytesPerRow: 3 * width,
        space: CGColorSpaceCreateDeviceRGB(), bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.none.rawValue),
        provider: provider, decode: nil, shouldInterpolate: false, intent: .defaultIntent)
    else { throw OnDeviceError(words: "no picture could be made") }
    return picture
  }
}

/// The metadata entry "ecgan_tf" of a .tflite: a FlatBuffer, whose root table has buffers (4) and metadata (6).
func readDescription(_ content: Data) throws -> Data {
  func number(_ place: Int) -> Int {
    return (0..<4).reduce(0) { $0 | Int(content[place + $1]) << (8 * $1) }
  }
  func short(_ place: Int) -> Int { return Int(content[place]) | Int(content[place + 1]) << 8 }
  func follow(_ place: Int) -> Int { return place + number(place) }
  func field(_ table: Int, _ index: Int) -> Int? {
    let fields = table - Int(Int32(truncatingIfNeeded: number(table)))
    let slot = 4 + 2 * index
    let offset = slot < short(fields) ? short(fields + slot) : 0
    return offset == 0 ? nil : table + offset
  }
  func bytes(_ vector: Int) -> Data { return content.subdata(in: vector + 4..<vector + 4 + number(vector)) }
  func item(_ vector: Int, _ index: Int) -> Int { return follow(vector + 4 + 4 * index) }
  let model = follow(0)
  if let entries = field(model, 6), let buffers = field(model, 4) {
    for index in 0..<number(follow(entries)) {
      let entry = item(follow(entries), index)
      guard let name = field(entry, 0), bytes(follow(name)) == Data("ecgan_tf".utf8) else { continue }
      let chosen = item(follow(buffers), field(entry, 1).map(number) ?? 0)
      if let text = field(chosen, 0) { return bytes(follow(text)) }
    }
  }
  throw OnDeviceError(words: "the model does not describe itself; export it again")
}
