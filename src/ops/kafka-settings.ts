/**
 * The environment variables that say how Kafka is reached: addresses, TLS, and the login by one of the mechanisms. What belongs together
 * and what excludes each other is kafka-login.ts's part.
 */
import {
  awsRegion,
  bool,
  brokerList,
  oneOf,
  pairs,
  pem,
  plainText,
  secretPem,
  secretText,
  serviceUrl,
} from './config-parsers.ts';
import { FILE, optional, required, SECRET, setting } from './setting.ts';

/** RFC 7628, 3.1: letters alone, and `auth` is taken. */
const EXTENSION = /^(?!auth$)[A-Za-z]+$/;
const FORM_FIELD = /^[\w.:-]+$/;

/** Key → setting, in the order of the table. */
export const KAFKA_SETTINGS = {
  brokers: required('KAFKA_BROKERS', brokerList, 'The brokers to ask first.'),
  ssl: setting('KAFKA_SSL', bool, 'false', 'Whether to speak TLS to the brokers.'),
  sslCa: optional('KAFKA_SSL_CA', pem, 'Certificate authority of the brokers; none = those that Node trusts.', FILE),
  sslCert: optional('KAFKA_SSL_CERT', pem, 'Client certificate, for mutual TLS.', FILE),
  sslKey: optional('KAFKA_SSL_KEY', secretPem, 'Key of the client certificate.', SECRET),
  saslMechanism: optional(
    'KAFKA_SASL_MECHANISM',
    oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer', 'aws-msk-iam'),
    'How to log in to the brokers; none = not at all.',
  ),
  saslUsername: optional('KAFKA_SASL_USERNAME', plainText, 'User name for the brokers, with `plain` and `scram-…`.'),
  saslPassword: optional('KAFKA_SASL_PASSWORD', secretText, 'Password of the same.', SECRET),
  saslTokenFile: optional(
    'KAFKA_SASL_TOKEN_FILE',
    plainText,
    'Path of a file with the token for `oauthbearer`, which somebody else renews. Read at every login.',
  ),
  saslExtensions: optional(
    'KAFKA_SASL_EXTENSIONS',
    pairs(EXTENSION, '`name=value`, comma separated, names of letters alone, none twice and none `auth`'),
    'What to send with the token of `oauthbearer`, such as `logicalCluster=lkc-1`.',
  ),
  oauthTokenUrl: optional(
    'KAFKA_SASL_OAUTH_TOKEN_URL',
    serviceUrl,
    'Token endpoint that gives the token for `oauthbearer` (OAuth2 client credentials).',
  ),
  oauthCa: optional(
    'KAFKA_SASL_OAUTH_CA',
    pem,
    'Certificate authority of the token endpoint; none = those that Node trusts.',
    FILE,
  ),
  oauthClientId: optional('KAFKA_SASL_OAUTH_CLIENT_ID', plainText, 'Name of this client at the token endpoint.'),
  oauthClientSecret: optional('KAFKA_SASL_OAUTH_CLIENT_SECRET', secretText, 'Secret of the same.', SECRET),
  oauthCredentials: setting(
    'KAFKA_SASL_OAUTH_CREDENTIALS',
    oneOf('header', 'body'),
    'header',
    'Where name and secret stand in the request for a token.',
  ),
  oauthScope: optional('KAFKA_SASL_OAUTH_SCOPE', plainText, 'Scope to ask for; several with spaces between.'),
  oauthParameters: optional(
    'KAFKA_SASL_OAUTH_PARAMETERS',
    pairs(FORM_FIELD, '`name=value`, comma separated, none twice'),
    'Further fields of the request for a token, such as `audience=kafka`.',
  ),
  awsRegion: optional(
    'KAFKA_SASL_AWS_REGION',
    awsRegion,
    'Region of the cluster, with `aws-msk-iam`. The credentials are found as by all programs of AWS.',
  ),
} as const;
