/**
 * Everything that is changed inside the Kafka client, applied once when this module is loaded, before anything else of
 * the client is. The client is not maintained; each fix stands in its own file under `fixes/` with the reason, and has a
 * test that shows the fault without it. A client that is not exactly the expected one ends the process with FixFailed.
 * Values of the client come from here (`kafkajs`), so that an import in the wrong order is not possible by accident.
 */
import { systemClock } from '../lib/clock.ts';
import { withoutAborted } from './fixes/aborted-records.ts';
import { COORDINATOR_REQUESTS, CoordinatorMemory } from './fixes/coordinators.ts';
import { type DecodeBatch, reachingTheEnd } from './fixes/holes.ts';
import {
  applyOnce,
  FixFailed,
  internal,
  internalFunction,
  prototypeOf,
  publicModule,
  replaceExport,
} from './fixes/internals.ts';
import { mindingItsSession } from './fixes/login-sessions.ts';
import { tellingRefusals } from './fixes/lookup-refusals.ts';
import { groupPerPartition } from './fixes/messages-per-partition.ts';
import { type Codec, frameRequest, produceRequest } from './fixes/produce-request.ts';
import { addYoungerErrors, type ProtocolError } from './fixes/protocol-errors.ts';
import { onlyWhenPending } from './fixes/request-queue.ts';
import { endingTogether } from './fixes/send-messages.ts';

applyOnce(() => {
  // Leaves first: a module keeps the functions that it required when it was loaded.
  addYoungerErrors(errorTable());
  replaceFunction('protocol/recordBatch/v0/decoder', (original) => reachingTheEnd(original as unknown as DecodeBatch));
  replaceFunction('consumer/filterAbortedMessages', () => withoutAborted);
  replaceFunction('producer/groupMessagesPerPartition', () => groupPerPartition);
  replaceFunction('producer/sendMessages', endingTogether);
  replaceFunction('protocol/requests/produce/v3/request', () => produceRequest(codecLookup(), systemClock.now));
  replaceFunction('protocol/request', () => frameRequest);
  const queue = prototypeOf('network/requestQueue', ['scheduleCheckPendingRequests', 'checkPendingRequests']);
  queue['scheduleCheckPendingRequests'] = onlyWhenPending(method(queue, 'scheduleCheckPendingRequests'));
  const login = prototypeOf('broker/saslAuthenticator', ['authenticate']);
  login['authenticate'] = mindingItsSession(method(login, 'authenticate'));
  rememberCoordinators();
});

/** The client's public module, fixed. */
export const kafkajs: typeof import('kafkajs') = publicModule();

function replaceFunction(path: string, replacement: (original: ReturnType<typeof internalFunction>) => unknown): void {
  replaceExport(path, replacement(internalFunction(path)));
}

function errorTable(): ProtocolError[] {
  const { errorCodes } = internal('protocol/error') as { errorCodes?: unknown };
  if (!Array.isArray(errorCodes)) throw new FixFailed('protocol/error', 'has no table errorCodes');
  return errorCodes;
}

function codecLookup(): (type: number) => Codec {
  const { lookupCodec } = internal('protocol/message/compression') as { lookupCodec?: unknown };
  if (typeof lookupCodec !== 'function') throw new FixFailed('protocol/message/compression', 'has no lookupCodec');
  return lookupCodec as (type: number) => Codec;
}

function rememberCoordinators(): void {
  const memory = new CoordinatorMemory();
  const cluster = prototypeOf('cluster', ['findGroupCoordinator', 'findGroupCoordinatorMetadata', 'refreshMetadata']);
  cluster['findGroupCoordinatorMetadata'] = tellingRefusals(method(cluster, 'findGroupCoordinatorMetadata'));
  cluster['findGroupCoordinator'] = memory.remembering(method(cluster, 'findGroupCoordinator'));
  // The retries of InitProducerId are ours (transactions.ts): the client's cannot be stopped, and would fence a successor.
  (cluster as Record<string, unknown>)['retry'] = { retries: 0 };
  const broker = prototypeOf('broker', [...COORDINATOR_REQUESTS, 'isConnected']);
  for (const name of COORDINATOR_REQUESTS) broker[name] = memory.noticing(method(broker, name));
}

function method(prototype: Readonly<Record<string, unknown>>, name: string): ReturnType<typeof internalFunction> {
  return prototype[name] as ReturnType<typeof internalFunction>;
}
