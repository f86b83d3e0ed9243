{{/*
Containers that run commands of the program one after the other: all but the last are init containers.
`dict "root" $ "commands" (list (list "topics" "apply") …) "env" … "access" …`
*/}}
{{- define "lead-webhooks.commands" -}}
{{- $root := .root -}}
{{- $all := . -}}
{{- $last := sub (len .commands) 1 -}}
{{- range $index, $command := .commands }}
{{- if and (eq $index 0) (ne (int $last) 0) }}
initContainers:
{{- end }}
{{- if eq $index (int $last) }}
containers:
{{- end }}
  - name: {{ first $command }}
    image: {{ include "lead-webhooks.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: {{ toJson $command }}
    terminationMessagePolicy: FallbackToLogsOnError
    env:
      {{- $all.env | nindent 6 }}
    resources:
      {{- toYaml $root.Values.setup.resources | nindent 6 }}
    securityContext:
      {{- include "lead-webhooks.securityContext" (dict "root" $root "context" $root.Values.securityContext) | nindent 6 }}
    {{- with include "lead-webhooks.secretMounts" $all.access }}
    volumeMounts:
      {{- . | trim | nindent 6 }}
    {{- end }}
{{- end }}
{{- with include "lead-webhooks.secretVolumes" .access }}
volumes:
  {{- . | trim | nindent 2 }}
{{- end }}
{{- end }}

{{/* What the setup Job runs, as a JSON list of commands; empty when there is nothing to do. */}}
{{- define "lead-webhooks.setupCommands" -}}
{{- $commands := list -}}
{{- if eq .Values.topics.create "job" }}{{- $commands = append $commands (list "topics" "apply") }}{{- end -}}
{{- if include "lead-webhooks.hasSchemas" . }}{{- $commands = append $commands (list "schemas" "register") }}{{- end -}}
{{- if and .Values.setup.enabled $commands }}{{- toJson $commands -}}{{- end -}}
{{- end }}

{{/* Not empty when the schemas of the payloads are in a registry. */}}
{{- define "lead-webhooks.hasSchemas" -}}
{{- if and .Values.registry.url (include "lead-webhooks.framed" .) -}}yes{{- end -}}
{{- end }}

{{/* Not empty when the join frames payloads by their schema in the registry. */}}
{{- define "lead-webhooks.framed" -}}
{{- $settings := include "lead-webhooks.settings" (dict "root" . "settings" .Values.join.settings) | fromJson -}}
{{- if ne (index $settings "LEAD_WEBHOOKS_OUTBOUND_FRAMING" | default "registry") "plain" -}}yes{{- end -}}
{{- end }}

{{/* Not empty when the pod's service account is the login to Kafka. */}}
{{- define "lead-webhooks.byServiceAccount" -}}
{{- $sasl := .Values.kafka.sasl -}}
{{- if or (eq $sasl.mechanism "aws-msk-iam") (and (eq $sasl.mechanism "oauthbearer") $sasl.serviceAccountToken.audience) -}}yes{{- end -}}
{{- end }}

{{/*
Not empty when the setup Job is a hook. A hook runs before the release's own objects exist: not if those make the Secrets or the account
that it needs. Any further object may make a Secret or a ConfigMap, in ways that nobody knows here, unless it is a hook itself.
*/}}
{{- define "lead-webhooks.setupIsHook" -}}
{{- $account := and .Values.serviceAccount.create (include "lead-webhooks.byServiceAccount" .) -}}
{{- $others := or .Values.strimzi.users.enabled .Values.externalSecrets.secrets $account -}}
{{- range .Values.extraObjects -}}
{{- if not (dig "metadata" "annotations" "helm.sh/hook" "" .) -}}{{- $others = true -}}{{- end -}}
{{- end -}}
{{- if and .Values.setup.hook (not $others) -}}yes{{- end -}}
{{- end }}

{{/* The account of the setup Job and of `helm test`, where it is the login. */}}
{{- define "lead-webhooks.setupAccount" -}}
{{- if include "lead-webhooks.byServiceAccount" . }}
serviceAccountName: {{ include "lead-webhooks.serviceAccountName" . }}
{{- end }}
{{- end }}
