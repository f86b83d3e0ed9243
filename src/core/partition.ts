/**
 * Kafka's default partitioner for keyed records (murmur2, seed 0x9747b28c), so that every Kafka client finds a key where
 * we put it and can co-partition with the outbound topic.
 */

/** The partition of `key` (UTF-8) in a topic of `partitions` partitions, as Kafka's standard partitioner chooses it. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key, 'utf8')) & 0x7fffffff) % partitions;
}

const M = 0x5bd1e995;

/** The 32-bit murmur2 hash of `bytes` with Kafka's seed, as a signed integer. */
export function murmur2(bytes: Buffer): number {
  const length = bytes.length;
  let hash = 0x9747b28c ^ length;
  const words = length >> 2;
  for (let i = 0; i < words; i++) {
    let k = Math.imul(bytes.readInt32LE(i << 2), M);
    k ^= k >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(k, M);
  }
  const tail = words << 2;
  const rest = length & 3;
  if (rest === 3) hash ^= byte(bytes, tail + 2) << 16;
  if (rest >= 2) hash ^= byte(bytes, tail + 1) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ byte(bytes, tail), M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

function byte(bytes: Buffer, index: number): number {
  return bytes[index] ?? 0;
}
