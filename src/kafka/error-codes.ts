/** Kafka's error codes that a reader tells apart (the protocol's table of errors); every other one is tried again. */
export const PARTITION_ERROR = {
  offsetOutOfRange: 1,
  unknownTopic: 3,
  topicAuthorization: 29,
} as const;
