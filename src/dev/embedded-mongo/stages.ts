import { CommandError } from './errors.ts'
import { compileExpression } from './expression.ts'
import { addToTree, applyComputed, compileProjection, flatten, type Project, type Tree } from './projection.ts'
import { type Doc, isDoc } from './values.ts'

/** The stage's name and its operand. */
export function stageOf(stage: unknown): [string, unknown] {
  const keys = isDoc(stage) ? Object.keys(stage) : []
  const [name] = keys
  if (!isDoc(stage) || name === undefined || keys.length !== 1) {
    throw new CommandError(40323, 'A pipeline stage specification object must contain exactly one field.')
  }
  return [name, stage[name]]
}

function requireDoc(name: string, spec: unknown): Doc {
  if (isDoc(spec) && Object.keys(spec).length > 0) return spec
  throw new CommandError(40272, `${name} specification stage must be a non-empty object`)
}

function compileReplace(expression: unknown, now: Date): Project {
  const evaluate = compileExpression(expression)
  return doc => {
    const next = evaluate({ root: doc, now, vars: {} })
    if (!isDoc(next)) throw new CommandError(40228, "'newRoot' expression must evaluate to an object")
    return next
  }
}

/** The stages that make one document out of one, which are also those a pipeline update may use. */
export function compileDocStage(name: string, spec: unknown, now: Date): Project | undefined {
  switch (name) {
    case '$addFields':
    case '$set': {
      const tree: Tree = new Map()
      for (const [path, value] of flatten(requireDoc(name, spec))) addToTree(tree, path, compileExpression(value))
      return doc => applyComputed(doc, tree, evaluate => evaluate({ root: doc, now, vars: {} })) as Doc
    }
    case '$unset': {
      const paths = Array.isArray(spec) ? spec : [spec]
      if (paths.length === 0 || !paths.every(path => typeof path === 'string')) {
        throw new CommandError(31002, '$unset specification must be a string or an array of strings')
      }
      return compileProjection(Object.fromEntries(paths.map(path => [path, 0])), now, true)
    }
    case '$project':
      return compileProjection(requireDoc(name, spec), now, true)
    case '$replaceWith':
      return compileReplace(spec, now)
    case '$replaceRoot':
      return compileReplace(requireDoc(name, spec).newRoot, now)
    default:
      return undefined
  }
}

/** A pipeline update. */
export function compileDocStages(pipeline: unknown[], now: Date): Project {
  const stages = pipeline.map(stage => {
    const [name, spec] = stageOf(stage)
    const compiled = compileDocStage(name, spec, now)
    if (!compiled) throw new CommandError(72, `${name} is not allowed to be used within an update`)
    return compiled
  })
  return doc => stages.reduce((current, stage) => stage(current), doc)
}
