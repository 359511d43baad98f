#!/usr/bin/env node
import { runCommandLine } from './commands/command-line.ts'
import { catchStrayErrors } from './startup/stray-errors.ts'

catchStrayErrors(text => process.stderr.write(`${text}\n`))

process.exitCode = await runCommandLine(process.argv.slice(2), process.env, {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
  colour: process.stdout.isTTY === true && !process.env.NO_COLOR
})
