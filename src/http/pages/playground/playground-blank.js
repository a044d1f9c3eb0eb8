// A blank image in place of the source, for quotes: what an edit costs depends on sizes and on the mask, and a photo has
// megabytes that would be sent after every change of the form.

/** Rows that are read at one time hold at most this many pixels. */
const STRIP = 1 << 20;
/** Below this opacity a pixel of an image is its mask. */
const OPAQUE_MIN = 128;

/** A black PNG of `width` × `height`, of about a kilobyte for each ten megapixels (ISO/IEC 15948). */
export async function blankImage(width, height) {
  // A bit a pixel, and the filter of each row.
  const rows = new Blob([new Uint8Array((1 + Math.ceil(width / 8)) * height)]);
  const packed = await new Response(rows.stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 1);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const parts = [signature, chunk("IHDR", header.buffer), chunk("IDAT", packed), chunk("IEND", new ArrayBuffer(0))];
  return new File(parts, "blank.png", { type: "image/png" });
}

function chunk(name, content) {
  const bytes = new Uint8Array(12 + content.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.byteLength);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(new Uint8Array(content), 8);
  view.setUint32(8 + content.byteLength, crc32(bytes.subarray(4, 8 + content.byteLength)));
  return bytes;
}

/** ISO 3309, as PNG has it. */
function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Whether the image in `file` has pixels that are its mask if none is painted. */
export async function hasClearPixels(file) {
  if (file.type === "image/jpeg") return false;
  const image = await createImageBitmap(file);
  const { width, height } = image;
  const rows = Math.max(1, Math.floor(STRIP / width));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, Math.min(rows, height)];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  try {
    for (let top = 0; top < height; top += rows) {
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.drawImage(image, 0, -top);
      const { data } = context.getImageData(0, 0, width, Math.min(rows, height - top));
      for (let at = 3; at < data.length; at += 4) if (data[at] < OPAQUE_MIN) return true;
    }
    return false;
  } finally {
    image.close();
  }
}
