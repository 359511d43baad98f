import { BSON } from 'mongodb'
import { toWholeNumber } from './arithmetic.ts'
import { isNumeric, toNumeric } from './compare.ts'
import { CommandError, unsupported } from './errors.ts'
import { type CompileOperator, compileNamed, isNil, strict } from './operands.ts'
import { bsonType } from './values.ts'

const unitMs: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000
}
const unitMonths: Readonly<Record<string, number>> = { month: 1, quarter: 3, year: 12 }

function requireDate(name: string, value: unknown): Date {
  if (value instanceof Date) return value
  if (value instanceof BSON.ObjectId) return value.getTimestamp()
  throw new CommandError(5166403, `${name} requires a date, found ${bsonType(value)}`)
}

function addMonths(date: Date, months: number): Date {
  const moved = new Date(date)
  moved.setUTCDate(1)
  moved.setUTCMonth(moved.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(moved.getUTCFullYear(), moved.getUTCMonth() + 1, 0)).getUTCDate()
  moved.setUTCDate(Math.min(date.getUTCDate(), lastDay))
  return moved
}

const shift = (name: string, sign: 1 | -1): CompileOperator => {
  return (operand, compile) => {
    const named = compileNamed(name, operand, compile, ['startDate', 'unit', 'amount'])
    return scope => {
      const [start, unit, amount] = [named.startDate?.(scope), named.unit?.(scope), named.amount?.(scope)]
      if (isNil(start) || isNil(unit) || isNil(amount)) return null
      const date = requireDate(name, start)
      const whole = toWholeNumber(amount)
      if (whole === undefined) throw new CommandError(5166405, `${name} expects integer amount of time units`)
      const [ms, months] = [unitMs[String(unit)], unitMonths[String(unit)]]
      if (ms !== undefined) return new Date(date.getTime() + sign * whole * ms)
      if (months !== undefined) return addMonths(date, sign * whole * months)
      throw new CommandError(9, `${name} parameter 'unit' value cannot be recognized as a time unit: ${unit}`)
    }
  }
}

/** Counts the unit boundaries crossed, as the server does. Weeks depend on a start day and are left out. */
const difference: CompileOperator = (operand, compile) => {
  const named = compileNamed('$dateDiff', operand, compile, ['startDate', 'endDate', 'unit'])
  return scope => {
    const [start, end, unit] = [named.startDate?.(scope), named.endDate?.(scope), named.unit?.(scope)]
    if (isNil(start) || isNil(end) || isNil(unit)) return null
    const [from, to] = [requireDate('$dateDiff', start), requireDate('$dateDiff', end)]
    const [ms, months] = [unitMs[String(unit)], unitMonths[String(unit)]]
    if (unit !== 'week' && ms !== undefined) {
      return BSON.Long.fromNumber(Math.floor(to.getTime() / ms) - Math.floor(from.getTime() / ms))
    }
    if (months !== undefined) {
      const index = (date: Date) => Math.floor((date.getUTCFullYear() * 12 + date.getUTCMonth()) / months)
      return BSON.Long.fromNumber(index(to) - index(from))
    }
    throw unsupported(`$dateDiff in units of ${unit}`)
  }
}

function toDate(value: unknown): unknown {
  if (isNil(value)) return null
  if (isNumeric(value) && bsonType(value) !== 'int') return new Date(Math.trunc(Number(toNumeric(value))))
  if (typeof value !== 'string') return requireDate('$toDate', value)
  const date = new Date(value)
  if (Number.isNaN(date.getTime())) throw new CommandError(241, `Error parsing date string '${value}' in $convert`)
  return date
}

export const dateOperators: Readonly<Record<string, CompileOperator>> = {
  $dateAdd: shift('$dateAdd', 1),
  $dateSubtract: shift('$dateSubtract', -1),
  $dateDiff: difference,
  $toDate: strict('$toDate', 1, 1, ([value]) => toDate(value)),
  $toLong: strict('$toLong', 1, 1, ([value]) => {
    if (isNil(value)) return null
    if (value instanceof Date) return BSON.Long.fromNumber(value.getTime())
    if (isNumeric(value)) return BSON.Long.fromBigInt(BigInt(Math.trunc(Number(toNumeric(value)))))
    throw unsupported(`$toLong of ${bsonType(value)}`)
  })
}
