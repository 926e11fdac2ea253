// Arrays as parameters of a statement in PostgreSQL's binary form: of thousands of values none is escaped here, and none parsed there.

const headerBytes = 12;
const dimensionBytes = 8;
const lengthBytes = 4;
/** Times are microseconds since then. */
const epochMs = Date.UTC(2000, 0, 1);
const dash = 0x2d;
const oids = { bytea: 17, bigint: 20, text: 25, timestamptz: 1_184, uuid: 2_950 };

type Values<T> = readonly (T | null | undefined)[];

/** Bytes, or bytes as PostgreSQL writes them in text (\x..). */
export function byteaArray(values: Values<Uint8Array | string>): Buffer<ArrayBuffer> {
  const sizeOf = (value: Uint8Array | string) => (typeof value === 'string' ? (value.length - 2) / 2 : value.length);
  return arrayOf(oids.bytea, values, sizeOf, (array, value, at) => {
    if (typeof value === 'string') array.write(value.slice(2), at, 'hex');
    else array.set(value, at);
  });
}

export function textArray(values: Values<string>): Buffer<ArrayBuffer> {
  return arrayOf(
    oids.text,
    values,
    (value) => Buffer.byteLength(value),
    (array, value, at) => array.write(value, at),
  );
}

export function uuidArray(values: Values<string>): Buffer<ArrayBuffer> {
  // The tenant of all rows is mostly one.
  let last = { value: '', at: 0 };
  return arrayOf(
    oids.uuid,
    values,
    () => 16,
    (array, value, at) => {
      if (value === last.value) array.copyWithin(at, last.at, last.at + 16);
      else writeUuid(array, value, at);
      last = { value, at };
    },
  );
}

/** Digit by digit, without the strings that taking its dashes out would leave. */
function writeUuid(array: Buffer, text: string, to: number): void {
  let at = to;
  for (let digit = 0; digit < text.length; digit += 2) {
    if (text.charCodeAt(digit) === dash) digit++;
    array[at++] = (valueOf(text.charCodeAt(digit)) << 4) | valueOf(text.charCodeAt(digit + 1));
  }
}

/** Of a hexadecimal digit, in whatever case: letters have the bit of 64, and begin with 1. */
const valueOf = (code: number): number => (code & 0xf) + (code >> 6) * 9;

export function bigintArray(values: Values<number | bigint>): Buffer<ArrayBuffer> {
  return arrayOf(
    oids.bigint,
    values,
    () => 8,
    (array, value, at) => array.writeBigInt64BE(BigInt(value), at),
  );
}

export function timeArray(values: Values<Date>): Buffer<ArrayBuffer> {
  return arrayOf(
    oids.timestamptz,
    values,
    () => 8,
    (array, value, at) => array.writeBigInt64BE(BigInt(value.getTime() - epochMs) * 1_000n, at),
  );
}

/** Bytes (\x..) as the text of an array of their own, for arrays within rows: PostgreSQL has none whose members differ in length. */
export function byteaArrayText(values: readonly string[]): string {
  return values.length === 0 ? '{}' : `{"\\${values.join('","\\')}"}`;
}

function arrayOf<T>(
  oid: number,
  values: Values<T>,
  sizeOf: (value: T) => number,
  write: (array: Buffer, value: T, at: number) => void,
): Buffer<ArrayBuffer> {
  let size = headerBytes + (values.length > 0 ? dimensionBytes : 0);
  for (const value of values) size += lengthBytes + (isGiven(value) ? sizeOf(value) : 0);
  const array = Buffer.allocUnsafe(size);
  let at = array.writeInt32BE(values.length > 0 ? 1 : 0);
  at = array.writeInt32BE(values.every(isGiven) ? 0 : 1, at);
  at = array.writeInt32BE(oid, at);
  if (values.length > 0) at = array.writeInt32BE(1, array.writeInt32BE(values.length, at));
  for (const value of values) {
    const bytes = isGiven(value) ? sizeOf(value) : -1;
    at = array.writeInt32BE(bytes, at);
    if (!isGiven(value)) continue;
    write(array, value, at);
    at += bytes;
  }
  return array;
}

const isGiven = <T>(value: T | null | undefined): value is T => value !== null && value !== undefined;
