/** What an exported .tflite says of itself: the JSON of its metadata entry "ecgan_tf", checked. */

export type Color = [number, number, number];

export interface LabelClass {
  name: string;
  color: Color;
  /** Its value in label files. */
  value: number;
}

export interface Description {
  name: string;
  /** In the order of their ids; "unknown" is the last where the model knows it. */
  classes: LabelClass[];
  height: number;
  width: number;
  licence: string;
}

/** Whatever is wrong with a file that a person opened, in words for them. */
export class FileError extends Error {}

const MAX_SIDE = 8192;
const FOREIGN = "this is no .tflite that `ecgan export` wrote; export the run again";

/**
 * Reads the description. A .tflite is a FlatBuffer: field 4 of its root table are the buffers, field 6 the metadata,
 * each entry with a name and the index of a buffer. Every place is checked by DataView.
 */
export function readDescription(bytes: Uint8Array): Description {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decode = (content: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(content);
  if (bytes.length < 16 || decode(bytes.subarray(4, 8).map((each) => each & 127)) !== "TFL3") throw new FileError(FOREIGN);
  const follow = (place: number) => place + view.getUint32(place, true);
  const field = (table: number, number: number) => {
    const fields = table - view.getInt32(table, true);
    const slot = 4 + 2 * number;
    const offset = slot < view.getUint16(fields, true) ? view.getUint16(fields + slot, true) : 0;
    return offset && table + offset;
  };
  const content = (vector: number) => {
    const length = view.getUint32(vector, true);
    if (vector + 4 + length > bytes.length) throw new RangeError("beyond the file");
    return bytes.subarray(vector + 4, vector + 4 + length);
  };
  const item = (vector: number, index: number) => follow(vector + 4 + 4 * index);
  try {
    const model = follow(0);
    const entries = field(model, 6) && follow(field(model, 6));
    const count = entries ? Math.min(view.getUint32(entries, true), 1000) : 0;
    for (let index = 0; index < count; index++) {
      const entry = item(entries, index);
      if (decode(content(follow(field(entry, 0)))) !== "ecgan_tf") continue;
      const number = field(entry, 1);
      const buffer = item(follow(field(model, 4)), number && view.getUint32(number, true));
      return checked(JSON.parse(decode(content(follow(field(buffer, 0))))));
    }
  } catch (error) {
    throw error instanceof FileError ? error : new FileError(FOREIGN);
  }
  throw new FileError(FOREIGN);
}

function checked(raw: any): Description {
  const [height, width] = raw?.arguments?.image_size ?? [];
  const listed = raw?.classes?.classes;
  const sized = [height, width].every((side) => Number.isInteger(side) && side > 0 && side <= MAX_SIDE);
  if (!sized || !Array.isArray(listed) || !listed.length || listed.length > 65535) throw new FileError(FOREIGN);
  const classes: LabelClass[] = listed.map((each: any) => {
    const color = each?.color;
    const named = typeof each?.name === "string" && Number.isInteger(each?.raw_id);
    if (!named || !Array.isArray(color) || color.length !== 3) throw new FileError(FOREIGN);
    return { name: each.name, color: color.map((value) => value & 255) as Color, value: each.raw_id };
  });
  if (Number.isInteger(raw.classes.ignore_index)) {
    classes.push({ name: "unknown", color: [0, 0, 0], value: raw.classes.ignore_index });
  }
  return {
    name: String(raw.name ?? "model"),
    classes,
    height,
    width,
    licence: String(raw.licence ?? "unknown"),
  };
}
