/** The environment as it is handed in: only `src/bin` and the test harness read the process's own. */
export type Environment = Readonly<Record<string, string | undefined>>;
