import { BSON } from 'mongodb'
import { isNumeric, toNumeric } from './compare.ts'
import { unsupported } from './errors.ts'
import { bsonType, toDouble } from './values.ts'

const maxLong = 2n ** 63n - 1n

function isInteger(value: unknown): boolean {
  const type = bsonType(value)
  if (type === 'decimal') throw unsupported('arithmetic on Decimal128')
  return type === 'int' || type === 'long'
}

/** The integer as the narrowest of int32 (unless the operands were wider), int64 and, past that, double. */
function toInteger(value: bigint, isLong: boolean): unknown {
  if (!isLong && value >= -0x80000000n && value <= 0x7fffffffn) return Number(value)
  if (value > maxLong || value < -maxLong - 1n) return toDouble(Number(value))
  return BSON.Long.fromBigInt(value)
}

function combine(
  a: unknown,
  b: unknown,
  onIntegers: (x: bigint, y: bigint) => bigint,
  onDoubles: (x: number, y: number) => number
): unknown {
  if (isInteger(a) && isInteger(b)) {
    const isLong = bsonType(a) === 'long' || bsonType(b) === 'long'
    return toInteger(onIntegers(BigInt(toNumeric(a)), BigInt(toNumeric(b))), isLong)
  }
  return toDouble(onDoubles(Number(toNumeric(a)), Number(toNumeric(b))))
}

/** int32, int64 and double combine as on the server: the wider type wins, int32 grows into int64 on overflow. */
export const addNumbers = (a: unknown, b: unknown): unknown =>
  combine(
    a,
    b,
    (x, y) => x + y,
    (x, y) => x + y
  )
export const subtractNumbers = (a: unknown, b: unknown): unknown =>
  combine(
    a,
    b,
    (x, y) => x - y,
    (x, y) => x - y
  )
export const multiplyNumbers = (a: unknown, b: unknown): unknown =>
  combine(
    a,
    b,
    (x, y) => x * y,
    (x, y) => x * y
  )
export const remainderOf = (a: unknown, b: unknown): unknown =>
  combine(
    a,
    b,
    (x, y) => x % y,
    (x, y) => x % y
  )

/** A number from a command's option (limit, skip, $slice…): whole, of any numeric BSON type. */
export function toWholeNumber(value: unknown): number | undefined {
  if (!isNumeric(value)) return undefined
  const number = Number(toNumeric(value))
  return Number.isInteger(number) ? number : undefined
}
