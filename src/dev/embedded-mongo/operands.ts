import { CommandError } from './errors.ts'
import { isDoc } from './values.ts'

/** What one evaluation sees: the document, the variables bound around it and the command's one `$$NOW`. */
export interface Scope {
  root: unknown
  now: Date
  vars: Readonly<Record<string, unknown>>
}

/** undefined is MongoDB's "missing". */
export type Evaluate = (scope: Scope) => unknown

export type Compile = (expression: unknown) => Evaluate
export type CompileOperator = (operand: unknown, compile: Compile) => Evaluate

export const isNil = (value: unknown): value is null | undefined => value === null || value === undefined

/** An operand that may be written alone or as an array of arguments. */
export function compileArgs(name: string, operand: unknown, compile: Compile, min: number, max = min): Evaluate[] {
  const args = (Array.isArray(operand) ? operand : [operand]).map(compile)
  if (args.length < min || args.length > max) {
    const wanted = min === max ? `exactly ${min}` : `at least ${min} and at most ${max}`
    throw new CommandError(16020, `Expression ${name} takes ${wanted} arguments. ${args.length} were passed in.`)
  }
  return args
}

/** Operators whose arguments are simply evaluated first. */
export function strict(name: string, min: number, max: number, apply: (args: unknown[]) => unknown): CompileOperator {
  return (operand, compile) => {
    const args = compileArgs(name, operand, compile, min, max)
    return scope => apply(args.map(arg => arg(scope)))
  }
}

/** Operands named in a document, all others refused. */
export function compileNamed(
  name: string,
  operand: unknown,
  compile: Compile,
  required: string[],
  optional: string[] = []
) {
  if (!isDoc(operand)) throw new CommandError(9, `${name} only supports an object as its argument`)
  const named: Record<string, Evaluate> = {}
  for (const key of Object.keys(operand)) {
    if (!required.includes(key) && !optional.includes(key)) {
      throw new CommandError(9, `Unrecognized argument to ${name} (of those the embedded stand-in knows): ${key}`)
    }
    named[key] = compile(operand[key])
  }
  const missing = required.find(key => !named[key])
  if (missing) throw new CommandError(9, `Missing '${missing}' parameter to ${name}`)
  return named
}
