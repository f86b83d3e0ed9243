/**
 * `demo`: the whole product at work on one machine, told while it happens. It puts together what src/dev has for it: the story,
 * the generator, the receiver. What it starts, it stops, whatever happens.
 */
import { ChangeGenerator } from '../../dev/change-generator.ts';
import { Answers } from '../../dev/demo/answers.ts';
import { HARBOUR, ORANGE } from '../../dev/demo/cast.ts';
import { DeliveryBook } from '../../dev/demo/delivery-book.ts';
import { Notices } from '../../dev/demo/notices.ts';
import { STORY } from '../../dev/demo/story.ts';
import { checkStory } from '../../dev/demo/story-check.ts';
import { runStory } from '../../dev/demo/story-run.ts';
import { deliveryLine, remark, stepLine, summaryLine, type Telling } from '../../dev/demo/telling.ts';
import { Receiver } from '../../dev/receiver.ts';
import { SourceDatabase } from '../../dev/source-database.ts';
import { AssertionFailed } from '../../lib/assert.ts';
import { systemClock as clock, pause } from '../../lib/clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { Lifecycle, lineOf } from '../../ops/lifecycle.ts';
import { readArguments } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { type DemoInstallation, install } from '../demo-installation.ts';

const USAGE = `
Usage: lead-webhooks demo [--once]

Shows the product at work: starts Kafka and a schema registry (containers, or local Java; nothing if KAFKA_BROKERS and
SCHEMA_REGISTRY_URL name some), makes topics and schemas, runs the three stages and a receiver of webhooks, and tells
a small story while it happens: one line for each request that the receiver gets. Then a generator makes random changes,
and the receiver fails now and then, until Ctrl-C. Everything is stopped at the end. On brokers that are yours, all
names begin with demo- and the topics and groups are deleted at the end; the schemas stay in the registry.

Options:
  --once   ends after the story
  --help   this text

The last line says how it went, the story's outcome included:
  demo: N changes, N deliveries, N retried, p50 N ms, p99 N ms, story ok
A change is one of a row; a delivery is a request that was accepted; retried counts requests after the first one for
the same webhook. The times reach from the commit of a change, just before it is appended to its topic, to the complete
request at the receiver, of those that were accepted at once and had not to wait for a failed one. NO_COLOR is
respected.

Exit codes: 0 the story went as it should, 1 it did not, or was interrupted, 2 wrong usage.

Examples:
  lead-webhooks demo
  lead-webhooks demo --once
`;

/** How long the whole story may take, ms; it needs some seconds. */
const STORY_MS = 60_000;
const STOP_MS = 40_000;
/** Of the generator, so that two runs show the same changes. */
const SEED = 20_250_916;
const FIRST_ID = 200_000;
const CUSTOMERS_MAX = 40;
const BETWEEN_EVENTS_MS = 300;

export const command: Command = {
  name: 'demo',
  summary: 'show the whole product at work, with a story',
  usage: USAGE,
  async run(context) {
    const once = readArguments(context.args, { options: { once: 'flag' } }).has('once');
    const notices = new Notices((line) => context.err(line));
    const lifecycle = new Lifecycle({ log: notices, clock, exit: context.exit }, { stopTimeoutMs: STOP_MS });
    const detach = context.attach(lifecycle);
    const demo = new Demo(context, notices);
    try {
      const code = await lifecycle.run((signal) => demo.run(once, signal));
      context.out(`\n${demo.summary}`);
      return code === 0 && demo.problem === null ? 0 : 1;
    } finally {
      detach();
    }
  },
};

class Demo {
  /** What is wrong with the outcome; null = nothing. */
  problem: string | null = 'stopped before its end';
  readonly #context: Context;
  readonly #notices: Notices;
  readonly #telling: Telling;
  readonly #book = new DeliveryBook();
  readonly #answers = new Answers();
  readonly #database = new SourceDatabase();
  #installation: DemoInstallation | null = null;

  constructor(context: Context, notices: Notices) {
    this.#context = context;
    this.#notices = notices;
    this.#telling = { colours: context.isTerminal && !context.env['NO_COLOR'] };
  }

  get summary(): string {
    return summaryLine(this.#installation?.publisher.published ?? 0, this.#book.figures, this.problem);
  }

  /** Runs until the story's end (`once`) or until `signal` aborts; everything is stopped when it returns. */
  async run(once: boolean, signal: AbortSignal): Promise<void> {
    const stack = new AsyncDisposableStack();
    try {
      const receiver = stack.use(new Receiver(clock));
      const installation = await this.#setUp(stack, receiver, signal);
      await this.#tellStory(installation, receiver, signal);
      if (!once && this.problem === null) await this.#generate(installation, signal);
    } catch (error) {
      if (error instanceof AssertionFailed) throw error;
      if (!signal.aborted) this.problem = lineOf(error);
    } finally {
      this.#say('Stopping ...');
      await stack.disposeAsync();
    }
  }

  async #setUp(stack: AsyncDisposableStack, receiver: Receiver, signal: AbortSignal): Promise<DemoInstallation> {
    receiver.answer = this.#answers.to;
    receiver.onAnswered = (request) => this.#book.posted(request);
    this.#book.onTold = (delivery) => this.#context.out(deliveryLine(delivery, this.#telling));
    const deps = { context: this.#context, notices: this.#notices, say: (text: string) => this.#say(text) };
    const installation = await install(deps, stack, await receiver.listen(), signal);
    this.#installation = installation;
    const { outbound, config, partitions } = installation;
    outbound.start(
      { topic: config.topics.outbound, partitions },
      (record) => this.#book.announced(record),
      (error) => this.#notices.error({}, lineOf(error)),
    );
    return installation;
  }

  async #tellStory(installation: DemoInstallation, receiver: Receiver, signal: AbortSignal): Promise<void> {
    const tooLate = AbortSignal.timeout(STORY_MS);
    const deps = {
      database: this.#database,
      publish: installation.publisher.publish.bind(installation.publisher),
      answers: this.#answers,
      book: this.#book,
      onStep: (number: number, { title }: { title: string }) =>
        this.#context.out(stepLine(number, title, this.#telling)),
    };
    const story = runStory(STORY, deps, AbortSignal.any([signal, tooLate]));
    const unfinished = await Promise.race([story, stageFailure(installation)]);
    if (signal.aborted) return;
    const faults = unfinished === null ? checkStory(STORY, receiver.received, receiver.ledger) : [unfinished];
    this.problem = faults.length === 0 ? null : faults.join('; ');
  }

  async #generate(installation: DemoInstallation, signal: AbortSignal): Promise<void> {
    this.#say('\nThe story is told. Now random changes, and a receiver that fails now and then, until Ctrl-C.');
    const random = seededRandom(SEED);
    this.#answers.failSometimes(seededRandom(SEED + 1));
    const options = {
      dealerships: [ORANGE, HARBOUR],
      firstId: FIRST_ID,
      customersMax: CUSTOMERS_MAX,
      now: () => clock.now(),
    };
    const generator = new ChangeGenerator(random, options, this.#database);
    const loop = async (): Promise<void> => {
      while (!signal.aborted) {
        await installation.publisher.publish(generator.next());
        await pause(clock, BETWEEN_EVENTS_MS, signal);
      }
      await installation.publisher.publish(generator.rest());
    };
    await Promise.race([loop(), stageFailure(installation)]);
  }

  #say(text: string): void {
    this.#context.out(remark(text, this.#telling));
  }
}

/** Rejects when a stage fails; never resolves. */
async function stageFailure({ ended }: DemoInstallation): Promise<never> {
  await ended;
  throw new Error('the stages ended by themselves');
}
