import { CommandError } from './errors.ts'
import { operators } from './expression-operators.ts'
import type { Evaluate } from './operands.ts'
import { valueAt } from './paths.ts'
import { type Doc, isDoc, setOwn } from './values.ts'

const variableName = /^[a-z\u0080-\uffff][\w\u0080-\uffff]*$/

/** Compiled before any document is touched, so that an unknown operator fails even where no document matches. */
export function compileExpression(expression: unknown): Evaluate {
  if (typeof expression === 'string' && expression.startsWith('$')) return compilePath(expression)
  if (Array.isArray(expression)) {
    const items = expression.map(compileExpression)
    return scope => items.map(item => item(scope) ?? null)
  }
  if (!isDoc(expression)) return () => expression
  const keys = Object.keys(expression)
  if (keys[0]?.startsWith('$')) return compileOperator(keys, expression)
  const fields = keys.map(key => [key, compileExpression(expression[key])] as const)
  return scope => {
    const result: Doc = {}
    for (const [key, evaluate] of fields) {
      const value = evaluate(scope)
      if (value !== undefined) setOwn(result, key, value)
    }
    return result
  }
}

function compileOperator(keys: string[], expression: Doc): Evaluate {
  const name = keys[0] as string
  if (keys.length > 1) {
    throw new CommandError(15983, 'An object representing an expression must have exactly one field')
  }
  const compile = Object.hasOwn(operators, name) ? operators[name] : undefined
  if (!compile) throw new CommandError(168, `Unrecognized expression '${name}' (of those the embedded stand-in knows)`)
  return compile(expression[name], compileExpression)
}

function compilePath(text: string): Evaluate {
  if (!text.startsWith('$$')) {
    const path = text.slice(1).split('.')
    if (path.includes('')) throw new CommandError(16872, `'${text}' is not a valid field path`)
    return scope => valueAt(scope.root, path)
  }
  const [name = '', ...path] = text.slice(2).split('.')
  switch (name) {
    case 'ROOT':
    case 'CURRENT':
      return scope => valueAt(scope.root, path)
    case 'NOW':
      return scope => valueAt(scope.now, path)
    case 'REMOVE':
      return () => undefined
  }
  if (!variableName.test(name)) throw new CommandError(17276, `Use of undefined variable: ${name}`)
  return scope => {
    if (!Object.hasOwn(scope.vars, name)) throw new CommandError(17276, `Use of undefined variable: ${name}`)
    return valueAt(scope.vars[name], path)
  }
}
