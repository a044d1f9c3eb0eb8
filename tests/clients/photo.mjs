// An image to edit and its mask, made here.
import { crc32, deflateSync } from "node:zlib";

export const [WIDTH, HEIGHT] = [40, 24];

/** A PNG of rows of RGBA. */
function png(colour) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const [length, sum] = [data.length, crc32(body)].map((number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(number);
      return bytes;
    });
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(WIDTH, 0);
  head.writeUInt32BE(HEIGHT, 4);
  head.set([8, 6, 0, 0, 0], 8);
  const rows = Array.from({ length: HEIGHT }, (_, y) =>
    [0, ...Array.from({ length: WIDTH }, (_, x) => colour(x, y)).flat()]).flat();
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts = [chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.from(rows))), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

/** An image whose pixels differ. */
export const photo = png((x, y) => [x * 6, y * 10, (x * y) % 256, 255]);
/** Its mask: what is transparent is repainted. */
export const mask = png((x, y) => [0, 0, 0, x >= 12 && x < 28 && y >= 6 && y < 18 ? 0 : 255]);
export const MASKED_PIXELS = 16 * 12;
