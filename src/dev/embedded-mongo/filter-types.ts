import { toWholeNumber } from './arithmetic.ts'
import { badValue } from './errors.ts'
import { type BsonType, bsonType } from './values.ts'

const codes: Readonly<Record<number, BsonType | 'number'>> = {
  1: 'double',
  2: 'string',
  3: 'object',
  4: 'array',
  5: 'binData',
  7: 'objectId',
  8: 'bool',
  9: 'date',
  10: 'null',
  11: 'regex',
  13: 'javascript',
  14: 'symbol',
  16: 'int',
  17: 'timestamp',
  18: 'long',
  19: 'decimal',
  [-1]: 'minKey',
  127: 'maxKey'
}
const aliases = new Set<string>([...Object.values(codes), 'number'])
const numbers = new Set<BsonType>(['int', 'long', 'double', 'decimal'])

/** $type: one type or several, by alias or code. */
export function typeTest(operand: unknown): (leaf: unknown) => boolean {
  const wanted = new Set<string>()
  for (const item of Array.isArray(operand) ? operand : [operand]) {
    const whole = toWholeNumber(item)
    const alias = typeof item === 'string' ? item : whole === undefined ? undefined : codes[whole]
    if (alias === undefined || !aliases.has(alias)) throw badValue(`Unknown type name alias or code: ${String(item)}`)
    wanted.add(alias)
  }
  return leaf => {
    const type = bsonType(leaf)
    return wanted.has(type) || (wanted.has('number') && numbers.has(type))
  }
}
