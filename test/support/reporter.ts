/**
 * Silent while tests pass; each failure in full, with its diff and code frame; as the very last line, whatever happened,
 * `N passed, N failed` from the runner's own results. A run that failed outside any test (set-up, teardown, a leak, no test
 * found) counts one failure, so that the line and the exit code never disagree.
 */
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/** What the runner found, as far as the last line is concerned. */
export interface Counts {
  readonly passed: number;
  /** Tests that failed, and files and suites that failed outside their tests. */
  readonly failed: number;
}

/** The last line. `exitCode` is the process's own: a failing one with no failed test counts as one failure. */
export function lastLine({ passed, failed }: Counts, exitCode: number): string {
  return `${passed} passed, ${exitCode !== 0 && failed === 0 ? 1 : failed} failed`;
}

export default class ProjectReporter implements Reporter {
  #vitest: Vitest | null = null;
  #passed = 0;
  #failed = 0;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    process.once('exit', (code) => {
      const counts = { passed: this.#passed, failed: this.#failed };
      if (counts.failed > 0 && code === 0) process.exitCode = 1;
      process.stdout.write(`${lastLine(counts, code)}\n`);
    });
  }

  onTestRunStart(): void {
    this.#passed = 0;
    this.#failed = 0;
  }

  onUserConsoleLog(log: { readonly content: string }): void {
    this.#vitest?.logger.error(log.content.trimEnd());
  }

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (result.state === 'passed') this.#passed += 1;
    if (result.state === 'failed') this.#report(test.fullName, test.module, result.errors);
  }

  onTestSuiteResult(suite: TestSuite): void {
    const errors = suite.errors();
    if (errors.length > 0) this.#report(suite.fullName, suite.module, errors);
  }

  onTestModuleEnd(module: TestModule): void {
    const errors = module.errors();
    if (errors.length > 0) this.#report('(the file itself)', module, errors);
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: readonly unknown[]): void {
    if (errors.length === 0) return;
    this.#failed += errors.length;
    for (const error of errors) this.#vitest?.logger.printError(error);
  }

  #report(name: string, module: TestModule, errors: readonly unknown[]): void {
    this.#failed += 1;
    const logger = this.#vitest?.logger;
    logger?.error(`\nFAILED ${module.project.name}: ${module.relativeModuleId} > ${name}`);
    for (const error of errors) logger?.printError(error, { project: module.project });
  }
}
