/**
 * Deliveries by the real program against a receiver in a process of its own, which keeps a ledger: what came twice, what came
 * old after new, what of one lead came at the same time. Records go straight to the outbound topic.
 *
 *   node bench/delivery.ts order  [records = 40000] [per second]
 *                                                      each of 20,000 leads once, the rest Zipf draws of them, written while the process
 *                                                      runs; 1 in 50 answers 500, 20 ms; concurrency 16, 64, 256
 *   node bench/delivery.ts hung   [per second = 200] [rounds = 3] [seconds = 20]
 *                                                      10 endpoints that all want each record: calm, one that never answers, one that
 *                                                      answers a byte a second, in turn; so many deliveries a second in all
 *   node bench/delivery.ts hung-apart                  the same with a dealership for each endpoint
 *   node bench/delivery.ts outage [seconds = 60]       everybody gets 503 while each of 500 leads gets 20 versions
 *   node bench/delivery.ts retry-after [seconds = 30]  3 processes, a receiver that asks one of them for a pause
 *   node bench/delivery.ts kill   [records = 50000]    2 processes, kill -9 at random times
 *   node bench/delivery.ts dead   [leads = 200000]     one endpoint never answers, one works; then the first recovers
 *
 * `order`, `kill` and `retry-after` end with 1 when something is missing, comes old after new, or more than it may.
 * It brings its own broker (Java and Maven are needed).
 */
import { argv } from 'node:process';
import { findJava } from '../src/dev/java.ts';
import { LocalCluster } from '../src/dev/local-cluster.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { silentLog as log } from '../src/lib/log.ts';
import { kill, outage, retryAfter } from './delivery-faults.ts';
import { dead, order } from './delivery-load.ts';
import { hung, hungApart } from './delivery-neighbours.ts';
import { ForkedReceiver } from './delivery-receiver.ts';

const SCENARIOS = { order, hung, 'hung-apart': hungApart, outage, 'retry-after': retryAfter, kill, dead };
const name = argv[2] ?? '';
if (!Object.hasOwn(SCENARIOS, name)) throw new Error(`which one? ${Object.keys(SCENARIOS).join(', ')}`);
const java = await findJava(17, process.env);
if (java === null) throw new Error('Java 17 or newer is needed');
await using cluster = await LocalCluster.start(
  { java, clock, log, env: process.env, signal: new AbortController().signal },
  1,
);
using receiver = new ForkedReceiver();
const url = await receiver.url();
const given = (place: number, otherwise: number): number => Number(argv[3 + place] ?? otherwise);
await SCENARIOS[name as keyof typeof SCENARIOS]({ brokers: cluster.brokers, receiver, url, given });
