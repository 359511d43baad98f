import { Context, evalExpr, ProcessingMode } from 'mingo/core'
import { $concat, $literal, $split, $strLenCP, $substrCP, $toLower, $toUpper } from 'mingo/operators/expression'
import { CommandError } from './errors.ts'
import { type CompileOperator, compileArgs } from './operands.ts'

// Only what mingo gets right on our values: strings in, strings (or small integers) out. Its comparisons, arithmetic,
// sort order and truth know neither int64 nor the order across types, so those are written here instead.
const borrowed = { $concat, $split, $strLenCP, $substrCP, $toLower, $toUpper }
const unary = new Set(['$toLower', '$toUpper', '$strLenCP'])

const options: Parameters<typeof evalExpr>[2] = {
  idKey: '_id',
  processingMode: ProcessingMode.CLONE_OFF,
  useStrictMode: true,
  scriptEnabled: false,
  failOnError: true,
  context: Context.init({ expression: { ...borrowed, $literal } })
}

// Null in changes of case is the empty string on the server; mingo keeps null.
const emptyForNull = new Set(['$toLower', '$toUpper'])

const borrow =
  (name: string): CompileOperator =>
  (operand, compile) => {
    const fallback = emptyForNull.has(name) ? '' : null
    const takesOne = unary.has(name)
    const args = compileArgs(name, operand, compile, 1, takesOne ? 1 : 1000)
    return scope => {
      // As literals: a string that begins with $ is data by now.
      const literals = args.map(arg => ({ $literal: arg(scope) ?? fallback }))
      try {
        return evalExpr({}, { [name]: takesOne ? literals[0] : literals }, options)
      } catch (cause) {
        throw new CommandError(2, `${name}: ${cause instanceof Error ? cause.message : String(cause)}`)
      }
    }
  }

export const borrowedOperators: Readonly<Record<string, CompileOperator>> = Object.fromEntries(
  Object.keys(borrowed).map(name => [name, borrow(name)])
)
