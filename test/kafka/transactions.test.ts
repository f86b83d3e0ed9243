import { afterEach, describe, expect, it } from 'vitest';
import type { OutgoingRecord } from '../../src/kafka/record.ts';
import { TransactionalProducer } from '../../src/kafka/transactions.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { connectionLost, protocolError, ScriptedBrokers } from '../support/scripted-brokers.ts';

const PRODUCER_FENCED = 47;
const CONCURRENT_TRANSACTIONS = 51;
const COORDINATOR_LOADING = 14;
const NOT_AUTHORIZED = 53;
const TOPIC_NOT_AUTHORIZED = 29;
const NOT_LEADER = 6;
const TOO_LARGE = 10;

/** A clock on which every wait is over at once; `waits` are the delays that were asked for. */
function hurriedClock(): { clock: Clock; waits: number[] } {
  const waits: number[] = [];
  const after = (delayMs: number, callback: () => void): (() => void) => {
    waits.push(delayMs);
    let due = true;
    queueMicrotask(() => due && callback());
    return () => {
      due = false;
    };
  };
  return { waits, clock: { now: () => 0, monotonic: () => 0, after } };
}

const never = new AbortController().signal;
const record = (partition: number, value = 'v'): OutgoingRecord => ({ topic: 't', partition, key: 'k', value });

async function ready(): Promise<{ brokers: ScriptedBrokers; producer: TransactionalProducer }> {
  const brokers = new ScriptedBrokers();
  const producer = open(brokers).producer;
  await producer.fence(never);
  brokers.requests.length = 0;
  return { brokers, producer };
}

const opened: TransactionalProducer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((producer) => producer.close()));
});

function open(brokers: ScriptedBrokers): { producer: TransactionalProducer; waits: number[] } {
  const { clock, waits } = hurriedClock();
  const deps = { kafka: brokers.kafka(), log: silentLog, clock };
  const producer = new TransactionalProducer(deps, { transactionalId: 'app.join.0', transactionTimeoutMs: 10_000 });
  opened.push(producer);
  return { producer, waits };
}

describe('fencing', () => {
  it('sends InitProducerId at that moment, once, and nothing else', async () => {
    const brokers = new ScriptedBrokers();
    const { producer } = open(brokers);
    expect(brokers.requests).toEqual([]);
    await producer.fence(never);
    expect(brokers.requests).toEqual(['init']);
    await producer.send([record(0)]);
    await producer.commit();
    expect(brokers.requests).toEqual(['init', 'add t/0', 'produce@1 t/0:1+0', 'commit']);
  });

  it('tries again with growing waits while the predecessor’s transaction ends, a coordinator loads or a broker is away', async () => {
    const brokers = new ScriptedBrokers();
    const { producer, waits } = open(brokers);
    const failures = [CONCURRENT_TRANSACTIONS, CONCURRENT_TRANSACTIONS, COORDINATOR_LOADING].map(protocolError);
    failures.push(connectionLost());
    brokers.before = (request) => {
      const failure = request === 'initProducerId' ? failures.shift() : undefined;
      if (failure !== undefined) throw failure;
    };
    await producer.fence(never);
    expect(brokers.requests).toEqual(Array.from({ length: 5 }, () => 'init'));
    expect(waits).toEqual([10, 20, 40, 80]);
    expect(producer.dead).toBe(false);
  });

  it('ends with a failure that time does not heal', async () => {
    const brokers = new ScriptedBrokers();
    const { producer } = open(brokers);
    brokers.before = (request) => {
      if (request === 'initProducerId') throw protocolError(NOT_AUTHORIZED);
    };
    await expect(producer.fence(never)).rejects.toMatchObject({
      code: 'authorization',
      message: expect.stringContaining('may not WRITE transactional id app.join.0: grant'),
    });
    expect(producer.dead).toBe(true);
    expect(brokers.requests).toEqual(['init']);
  });

  it('ends as stopped when it is told to stop, between two tries and also within one', async () => {
    for (const hang of [false, true]) {
      const brokers = new ScriptedBrokers();
      const { producer } = open(brokers);
      const stop = new AbortController();
      brokers.before = (request) => {
        if (request !== 'initProducerId') return;
        queueMicrotask(() => stop.abort());
        if (hang) return new Promise(() => {});
        throw protocolError(CONCURRENT_TRANSACTIONS);
      };
      await expect(producer.fence(stop.signal)).rejects.toMatchObject({ code: 'stopped' });
      expect(producer.dead).toBe(true);
    }
  });
});

describe('a transaction', () => {
  it('opens with the first send, says where each record is, and commits', async () => {
    const { brokers, producer } = await ready();
    const first = await producer.send([record(1, 'a'), record(0, 'b'), record(1, 'c')]);
    const second = await producer.send([record(1, 'd')]);
    await producer.commit();
    expect([0, 1, 2].map((index) => first.offset(index))).toEqual([0, 0, 1]);
    expect(second.offset(0)).toBe(2);
    expect(brokers.requests.at(-1)).toBe('commit');
    await producer.send([record(1, 'e')]);
    expect(brokers.requests).toContain('produce@2 t/1:1+3');
  });

  it('asks the brokers nothing when nothing was sent', async () => {
    const { brokers, producer } = await ready();
    await producer.send([]);
    await producer.commit();
    await producer.abort();
    expect(brokers.requests).toEqual([]);
    expect(producer.dead).toBe(false);
  });

  it('that may not write to a topic says which', async () => {
    const { brokers, producer } = await ready();
    brokers.before = (request) => {
      if (request === 'addPartitionsToTxn') throw protocolError(TOPIC_NOT_AUTHORIZED);
    };
    await expect(producer.send([record(0)])).rejects.toMatchObject({
      code: 'authorization',
      message: expect.stringContaining('may not WRITE topic t: grant'),
    });
    expect(producer.dead).toBe(true);
  });

  it('can be followed by another after an abort', async () => {
    const { brokers, producer } = await ready();
    await producer.send([record(0)]);
    await producer.abort();
    await producer.send([record(0)]);
    await producer.commit();
    expect(brokers.requests.filter((request) => request === 'abort' || request === 'commit')).toEqual([
      'abort',
      'commit',
    ]);
    expect(producer.dead).toBe(false);
  });

  it('waits out the markers of the one before it', async () => {
    const { brokers, producer } = await ready();
    let refusals = 2;
    brokers.before = (request) => {
      if (request === 'addPartitionsToTxn' && refusals-- > 0) throw protocolError(CONCURRENT_TRANSACTIONS);
    };
    const sent = await producer.send([record(0)]);
    expect(sent.offset(0)).toBe(0);
  });

  it('is incomplete when a leader moved and the client left a partition out, although the client reports success', async () => {
    const { brokers, producer } = await ready();
    let moved = false;
    brokers.before = async (request, nodeId) => {
      if (request !== 'produce' || nodeId !== 2 || moved) return;
      moved = true;
      await new Promise((resolve) => setImmediate(resolve)); // broker 1 has answered by now
      brokers.leaders.set(1, 1);
      throw protocolError(NOT_LEADER);
    };
    await expect(producer.send([record(0), record(1)])).rejects.toMatchObject({ code: 'incomplete-send' });
    expect(brokers.requests.filter((request) => request.includes('t/1:'))).toEqual(['produce@2 t/1:1+0']);
    expect(producer.dead).toBe(true);
    await producer.abort();
    expect(brokers.requests.at(-1)).toBe('abort');
  });

  it('is incomplete when a partition does not exist', async () => {
    const { producer } = await ready();
    await expect(producer.send([record(0), record(7)])).rejects.toMatchObject({ code: 'incomplete-send' });
  });
});

describe('after a failure', () => {
  it('a failed send leaves the producer dead, because its sequence numbers may be in use; the abort is still sent', async () => {
    const { brokers, producer } = await ready();
    brokers.before = (request) => {
      if (request === 'produce') throw protocolError(TOO_LARGE);
    };
    await expect(producer.send([record(0)])).rejects.toMatchObject({ code: 'too-large' });
    await producer.abort();
    expect(brokers.requests.at(-1)).toBe('abort');
    expect(producer.dead).toBe(true);
    await expect(producer.send([record(0)])).rejects.toThrow(/dead producer/);
  });

  it('a commit without an answer is unknown, whatever the client says, and the producer is dead', async () => {
    for (const failure of [connectionLost(), protocolError(COORDINATOR_LOADING), new Error('surprise')]) {
      const { brokers, producer } = await ready();
      await producer.send([record(0)]);
      brokers.before = () => {
        throw failure;
      };
      await expect(producer.commit()).rejects.toMatchObject({ code: 'commit-unknown', retriable: true });
      expect(producer.dead).toBe(true);
    }
  });

  it('a commit that the broker refuses because of a newer producer is no commit', async () => {
    for (const code of [PRODUCER_FENCED, 90]) {
      const { brokers, producer } = await ready();
      await producer.send([record(0)]);
      brokers.before = () => {
        throw protocolError(code);
      };
      await expect(producer.commit()).rejects.toMatchObject({ code: 'fenced', retriable: false });
      expect(producer.dead).toBe(true);
    }
  });

  it('a failed abort throws nothing and leaves the producer dead', async () => {
    const { brokers, producer } = await ready();
    await producer.send([record(0)]);
    brokers.before = () => {
      throw connectionLost();
    };
    await producer.abort();
    expect(producer.dead).toBe(true);
  });
});

describe('closing', () => {
  it('aborts an open transaction', async () => {
    const { brokers, producer } = await ready();
    await producer.send([record(0)]);
    await producer.close();
    expect(brokers.requests.at(-1)).toBe('abort');
    expect(producer.dead).toBe(true);
  });

  it('ends although the client never ends', async () => {
    const { brokers, producer } = await ready();
    await producer.send([record(0)]);
    brokers.before = () => new Promise(() => {});
    brokers.disconnecting = () => new Promise(() => {});
    await producer.close();
    expect(producer.dead).toBe(true);
  });

  it('ends without a connection, and twice', async () => {
    const brokers = new ScriptedBrokers();
    brokers.disconnecting = async () => {
      throw connectionLost();
    };
    const { producer } = open(brokers);
    await producer.close();
    await producer.close();
    expect(brokers.requests).toEqual([]);
  });
});

describe('a mistake of the caller', () => {
  it('is refused: overlapping calls, a send before fencing, fencing twice', async () => {
    const { producer } = await ready();
    const first = producer.send([record(0)]);
    await expect(producer.send([record(0)])).rejects.toThrow(/one call at a time/);
    await first;
    await expect(producer.fence(never)).rejects.toThrow(/once/);
    await expect(open(new ScriptedBrokers()).producer.send([record(0)])).rejects.toThrow(/new producer/);
  });
});
