/**
 * The few internals of kafkajs 2.2.4 that reading needs: how a client makes its connections, and the messages Fetch,
 * Metadata and ListOffsets. Only this file names kafkajs's inner files for reading, and it gives them types, so that a
 * change of client is felt here alone. It has no behaviour of its own; kafkajs is pinned to one version for its sake.
 */
import './fixes.ts'; // before any of the client's modules is loaded
import type { Kafka } from 'kafkajs';
import { FixFailed, internal } from './fixes/internals.ts';

/** kafkajs's message: an object that encodes itself. */
export interface WireRequest {
  readonly apiName: string;
}

export interface WireConnection {
  isConnected(): boolean;
  send<T>(call: {
    request: WireRequest;
    response: { decode(payload: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
    requestTimeout?: number;
    logResponseError?: boolean;
  }): Promise<T>;
  disconnect(): Promise<unknown>;
  rejectRequests(error: Error): void;
  readonly socket?: { destroy(): void };
}

export interface WireBroker {
  isConnected(): boolean;
  connect(): Promise<void>;
  readonly connectionPool: { readonly host: string; readonly port: number; readonly pool: readonly WireConnection[] };
}

interface ConnectionPool {
  readonly host: string;
  readonly port: number;
}

interface WireCluster {
  readonly connectionPoolBuilder: { build(address?: { host: string; port: number }): Promise<ConnectionPool> };
  readonly brokerPool: { createBroker(options: { connectionPool: ConnectionPool; logger: unknown }): WireBroker };
}

/**
 * Makes brokers that use the client's addresses, TLS, SASL, client id and logger, each with a socket of its own.
 * @param kafka a client made by `createKafka`
 * @returns a function that makes one unconnected broker: at the given address, or at the next of the bootstrap addresses
 */
export function brokerFactory(kafka: Kafka): (address?: { host: string; port: number }) => Promise<WireBroker> {
  const key = Object.getOwnPropertySymbols(kafka).find((s) => s.description === 'private:Kafka:createCluster');
  if (key === undefined) throw new FixFailed('index', 'a client has no createCluster');
  const createCluster = Reflect.get(kafka, key) as (options: { allowAutoTopicCreation: boolean }) => WireCluster;
  const cluster = createCluster({ allowAutoTopicCreation: false });
  return async (address) =>
    cluster.brokerPool.createBroker({
      connectionPool: await cluster.connectionPoolBuilder.build(address),
      logger: kafka.logger(),
    });
}

export interface FetchTopic {
  readonly topic: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly fetchOffset: number;
    readonly maxBytes: number;
  }[];
}

/** Fetch, version 11 (brokers since 2.3; the answer is read by fetch-response.ts). `isolationLevel` 1 = committed. */
export const fetchRequest = internal('protocol/requests/fetch/v11/request') as (options: {
  replicaId: -1;
  maxWaitTime: number;
  minBytes: number;
  maxBytes: number;
  isolationLevel: 0 | 1;
  topics: readonly FetchTopic[];
}) => WireRequest;

export const metadataRequest = internal('protocol/requests/metadata/v6/request') as (options: {
  topics: readonly string[];
  allowAutoTopicCreation: boolean;
}) => WireRequest;

export interface MetadataAnswer {
  readonly clientSideThrottleTime: number;
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly partitionMetadata: readonly {
      readonly partitionId: number;
      readonly leader: number;
      readonly replicas: readonly number[];
    }[];
  }[];
}

/** Decodes without kafkajs's `parse`, which throws away the whole answer when one topic has an error. */
export const decodeMetadata = (
  internal('protocol/requests/metadata/v6/response') as { decode(payload: Buffer): Promise<MetadataAnswer> }
).decode;

export const listOffsetsRequest = internal('protocol/requests/listOffsets/v3/request') as (options: {
  replicaId: -1;
  isolationLevel: 0 | 1;
  topics: readonly { topic: string; partitions: readonly { partition: number; timestamp: number }[] }[];
}) => WireRequest;

export interface ListOffsetsAnswer {
  readonly clientSideThrottleTime: number;
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[];
  }[];
}

/** Decodes without kafkajs's `parse`: each partition keeps its own error. */
export const decodeListOffsets = (
  internal('protocol/requests/listOffsets/v3/response') as { decode(payload: Buffer): Promise<ListOffsetsAnswer> }
).decode;

/** The codec for a record batch's attributes, or null for none; throws for a codec that is not registered. */
export const codecOf = (
  internal('protocol/message/compression') as {
    lookupCodecByAttributes(attributes: number): { decompress(bytes: Buffer): Promise<Buffer> } | null;
  }
).lookupCodecByAttributes;
