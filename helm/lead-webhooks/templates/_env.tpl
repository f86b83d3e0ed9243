{{/* What the program gets: environment, mounted Secrets. Every name is one of docs/operating.md. */}}

{{/* A value as text; numbers without an exponent. */}}
{{- define "lead-webhooks.text" -}}
{{- if kindIs "float64" . -}}{{- int64 . | toString -}}{{- else -}}{{- toString . -}}{{- end -}}
{{- end }}

{{/* Where the Kafka credentials of a stage lie: `dict "root" $ "stage" "rekey"` → {ca, client, sasl …} as JSON. */}}
{{- define "lead-webhooks.kafkaAccess" -}}
{{- $kafka := deepCopy .root.Values.kafka -}}
{{- if .root.Values.strimzi.users.enabled -}}
{{- $user := printf "%s-%s" (include "lead-webhooks.fullname" .root) .stage -}}
{{- if eq .root.Values.strimzi.users.authentication "tls" -}}
{{- $_ := set $kafka.tls "clientSecret" $user -}}
{{- $_ := set $kafka.tls "clientCertKey" "user.crt" -}}
{{- $_ := set $kafka.tls "clientKeyKey" "user.key" -}}
{{- else -}}
{{- $_ := set $kafka "sasl" (dict "mechanism" "scram-sha-512" "username" $user "secret" $user "usernameKey" "" "passwordKey" "password") -}}
{{- end -}}
{{- end -}}
{{- toJson $kafka -}}
{{- end }}

{{/* Whether a login is one by user name and password; the argument is `kafka.sasl`. */}}
{{- define "lead-webhooks.byPassword" -}}
{{- if has .mechanism (list "plain" "scram-sha-256" "scram-sha-512") -}}yes{{- end -}}
{{- end }}

{{/* `name=value` pairs in one text. */}}
{{- define "lead-webhooks.pairs" -}}
{{- $pairs := list -}}
{{- range $name, $value := . }}{{- $pairs = append $pairs (printf "%s=%s" $name $value) }}{{- end -}}
{{- join "," $pairs -}}
{{- end }}

{{/* Environment of a login with a token; the argument is `kafka.sasl`. */}}
{{- define "lead-webhooks.tokenEnv" -}}
{{- if eq .mechanism "aws-msk-iam" }}
- name: KAFKA_SASL_AWS_REGION
  value: {{ .awsRegion | quote }}
{{- end }}
{{- if eq .mechanism "oauthbearer" }}
{{- if .serviceAccountToken.audience }}
- name: KAFKA_SASL_TOKEN_FILE
  value: /etc/lead-webhooks/kafka/sasl-token
{{- else }}
- name: KAFKA_SASL_OAUTH_TOKEN_URL
  value: {{ .oauth.tokenUrl | quote }}
{{- if .oauth.caSecret }}
- name: KAFKA_SASL_OAUTH_CA_FILE
  value: /etc/lead-webhooks/kafka/oauth-ca.crt
{{- end }}
- name: KAFKA_SASL_OAUTH_CLIENT_ID
  value: {{ .oauth.clientId | quote }}
- name: KAFKA_SASL_OAUTH_CLIENT_SECRET_FILE
  value: /etc/lead-webhooks/kafka/oauth-client-secret
- name: KAFKA_SASL_OAUTH_CREDENTIALS
  value: {{ .oauth.credentials | quote }}
{{- with .oauth.scope }}
- name: KAFKA_SASL_OAUTH_SCOPE
  value: {{ . | quote }}
{{- end }}
{{- with .oauth.parameters }}
- name: KAFKA_SASL_OAUTH_PARAMETERS
  value: {{ include "lead-webhooks.pairs" . | quote }}
{{- end }}
{{- end }}
{{- with .extensions }}
- name: KAFKA_SASL_EXTENSIONS
  value: {{ include "lead-webhooks.pairs" . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Settings of one stage over those of all, as JSON: `dict "root" $ "settings" {…}`. Not by `merge`, which takes 0, false and "" for unset. */}}
{{- define "lead-webhooks.settings" -}}
{{- $settings := dict -}}
{{- range $name, $value := .root.Values.settings }}{{- $_ := set $settings $name $value }}{{- end -}}
{{- range $name, $value := .settings }}{{- $_ := set $settings $name $value }}{{- end -}}
{{- toJson $settings -}}
{{- end }}

{{/*
What the join says of the payloads, as JSON, for the Job and `helm test`, which look after their schemas: settings of the join alone count
there too.
*/}}
{{- define "lead-webhooks.payloadSettings" -}}
{{- pick .Values.join.settings "LEAD_WEBHOOKS_OUTBOUND_FRAMING" "LEAD_WEBHOOKS_PAYLOAD_VERSIONS" | toJson -}}
{{- end }}

{{/* Environment of every container: `dict "root" $ "stage" "rekey" "settings" {…}`. */}}
{{- define "lead-webhooks.env" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $kafka := include "lead-webhooks.kafkaAccess" . | fromJson -}}
- name: KAFKA_BROKERS
  value: {{ join "," $values.kafka.brokers | quote }}
{{- if $kafka.tls.enabled }}
- name: KAFKA_SSL
  value: "true"
{{- if $kafka.tls.caSecret }}
- name: KAFKA_SSL_CA_FILE
  value: /etc/lead-webhooks/kafka/ca.crt
{{- end }}
{{- if $kafka.tls.clientSecret }}
- name: KAFKA_SSL_CERT_FILE
  value: /etc/lead-webhooks/kafka/client.crt
- name: KAFKA_SSL_KEY_FILE
  value: /etc/lead-webhooks/kafka/client.key
{{- end }}
{{- end }}
{{- if $kafka.sasl.mechanism }}
- name: KAFKA_SASL_MECHANISM
  value: {{ $kafka.sasl.mechanism }}
{{- include "lead-webhooks.tokenEnv" $kafka.sasl }}
{{- if include "lead-webhooks.byPassword" $kafka.sasl }}
- name: KAFKA_SASL_USERNAME
{{- if $kafka.sasl.usernameKey }}
  valueFrom:
    secretKeyRef: { name: {{ $kafka.sasl.secret | quote }}, key: {{ $kafka.sasl.usernameKey | quote }} }
{{- else }}
  value: {{ $kafka.sasl.username | quote }}
{{- end }}
- name: KAFKA_SASL_PASSWORD_FILE
  value: /etc/lead-webhooks/kafka/sasl-password
{{- end }}
{{- end }}
{{- with $values.registry }}
{{- if .url }}
- name: SCHEMA_REGISTRY_URL
  value: {{ .url | quote }}
{{- if .secret }}
- name: SCHEMA_REGISTRY_USERNAME
  valueFrom:
    secretKeyRef: { name: {{ .secret | quote }}, key: {{ .usernameKey | quote }} }
- name: SCHEMA_REGISTRY_PASSWORD_FILE
  value: /etc/lead-webhooks/registry/password
{{- end }}
{{- end }}
{{- end }}
{{- if include "lead-webhooks.trusts" $root }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/lead-webhooks/trust/ca.crt
{{- end }}
- name: LEAD_WEBHOOKS_APP_ID
  value: {{ $values.appId | quote }}
- name: LEAD_WEBHOOKS_LEADS_TOPIC
  value: {{ $values.sources.leads | quote }}
- name: LEAD_WEBHOOKS_APPOINTMENTS_TOPIC
  value: {{ $values.sources.appointments | quote }}
- name: LEAD_WEBHOOKS_TEST_DRIVES_TOPIC
  value: {{ $values.sources.testDrives | quote }}
{{- range $topic, $name := $values.topics.names }}
- name: LEAD_WEBHOOKS_{{ snakecase $topic | upper }}_TOPIC
  value: {{ $name | quote }}
{{- end }}
- name: LEAD_WEBHOOKS_PARTITIONS
  value: {{ include "lead-webhooks.text" $values.topics.partitions | quote }}
- name: LEAD_WEBHOOKS_OUTBOUND_PARTITIONS
  value: {{ include "lead-webhooks.text" $values.topics.outboundPartitions | quote }}
- name: LEAD_WEBHOOKS_REPLICATION_FACTOR
  value: {{ include "lead-webhooks.text" $values.topics.replicationFactor | quote }}
{{- range $name, $value := include "lead-webhooks.settings" . | fromJson }}
- name: {{ $name }}
  value: {{ include "lead-webhooks.text" $value | quote }}
{{- end }}
{{- end }}

{{/* Mounts of Kafka's and the registry's Secrets. */}}
{{- define "lead-webhooks.secretMounts" -}}
{{- $kafka := include "lead-webhooks.kafkaAccess" . | fromJson -}}
{{- if or (and $kafka.tls.enabled (or $kafka.tls.caSecret $kafka.tls.clientSecret)) (has $kafka.sasl.mechanism (list "plain" "scram-sha-256" "scram-sha-512" "oauthbearer")) }}
- name: kafka
  mountPath: /etc/lead-webhooks/kafka
  readOnly: true
{{- end }}
{{- if include "lead-webhooks.trusts" .root }}
- name: trust
  mountPath: /etc/lead-webhooks/trust
  readOnly: true
{{- end }}
{{- if and .root.Values.registry.url .root.Values.registry.secret }}
- name: registry
  mountPath: /etc/lead-webhooks/registry
  readOnly: true
{{- end }}
{{- end }}

{{/* The volumes for them. */}}
{{- define "lead-webhooks.secretVolumes" -}}
{{- $kafka := include "lead-webhooks.kafkaAccess" . | fromJson -}}
{{- if or (and $kafka.tls.enabled (or $kafka.tls.caSecret $kafka.tls.clientSecret)) (has $kafka.sasl.mechanism (list "plain" "scram-sha-256" "scram-sha-512" "oauthbearer")) }}
- name: kafka
  projected:
    defaultMode: 0440
    sources:
{{- if and $kafka.tls.enabled $kafka.tls.caSecret }}
      - secret:
          name: {{ $kafka.tls.caSecret | quote }}
          items: [{ key: {{ $kafka.tls.caKey | quote }}, path: ca.crt }]
{{- end }}
{{- if and $kafka.tls.enabled $kafka.tls.clientSecret }}
      - secret:
          name: {{ $kafka.tls.clientSecret | quote }}
          items:
            - { key: {{ $kafka.tls.clientCertKey | quote }}, path: client.crt }
            - { key: {{ $kafka.tls.clientKeyKey | quote }}, path: client.key }
{{- end }}
{{- if include "lead-webhooks.byPassword" $kafka.sasl }}
      - secret:
          name: {{ $kafka.sasl.secret | quote }}
          items: [{ key: {{ $kafka.sasl.passwordKey | quote }}, path: sasl-password }]
{{- end }}
{{- if eq $kafka.sasl.mechanism "oauthbearer" }}
{{- with $kafka.sasl.serviceAccountToken }}
{{- if .audience }}
      - serviceAccountToken: { audience: {{ .audience | quote }}, expirationSeconds: {{ int64 .expirationSeconds }}, path: sasl-token }
{{- end }}
{{- end }}
{{- with $kafka.sasl.oauth }}
{{- if .secret }}
      - secret:
          name: {{ .secret | quote }}
          items: [{ key: {{ .clientSecretKey | quote }}, path: oauth-client-secret }]
{{- end }}
{{- if .caSecret }}
      - secret:
          name: {{ .caSecret | quote }}
          items: [{ key: {{ .caKey | quote }}, path: oauth-ca.crt }]
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if include "lead-webhooks.trusts" .root }}
{{- with .root.Values.trust }}
- name: trust
  projected:
    sources:
      - {{ ternary "configMap" "secret" (empty .secret) }}:
          name: {{ default .configMap .secret | quote }}
          items: [{ key: {{ .key | quote }}, path: ca.crt }]
{{- end }}
{{- end }}
{{- if and .root.Values.registry.url .root.Values.registry.secret }}
- name: registry
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .root.Values.registry.secret | quote }}
          items: [{ key: {{ .root.Values.registry.passwordKey | quote }}, path: password }]
{{- end }}
{{- end }}

{{/* Not empty when pods trust further authorities. */}}
{{- define "lead-webhooks.trusts" -}}
{{- if or .Values.trust.configMap .Values.trust.secret -}}yes{{- end -}}
{{- end }}
