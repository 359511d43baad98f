export interface ConfigFault {
  variable: string
  problem: string
}

/** The configuration cannot be used: every faulty variable by name, and never a value. */
export class ConfigError extends Error {
  readonly faults: ConfigFault[]

  constructor(faults: ConfigFault[]) {
    super(
      `The configuration is not usable:\n${faults.map(fault => `  ${fault.variable}: ${fault.problem}`).join('\n')}`
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}
