{{/* Names and labels. */}}

{{- define "lead-webhooks.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/* Short enough that the stage and what Kubernetes appends still fit into 63 letters. */}}
{{- define "lead-webhooks.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 43 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "lead-webhooks.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 43 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 43 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "lead-webhooks.selectorLabels" -}}
app.kubernetes.io/name: {{ include "lead-webhooks.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lead-webhooks.labels" -}}
{{ include "lead-webhooks.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "lead-webhooks.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "lead-webhooks.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "lead-webhooks.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "lead-webhooks.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The stages that are switched on, in the order of the flow, as a JSON list. */}}
{{- define "lead-webhooks.stages" -}}
{{- $stages := list -}}
{{- range list "rekey" "join" "deliver" -}}
{{- if (index $.Values .).enabled -}}{{- $stages = append $stages . -}}{{- end -}}
{{- end -}}
{{- toJson $stages -}}
{{- end }}

{{/* The name of an own topic. `dict "root" $ "topic" "outbound"`. */}}
{{- define "lead-webhooks.topic" -}}
{{- $short := dict "rekeyState" "rekey-state" "clusterChanges" "cluster-changes" "joinState" "join-state" "outbound" "outbound" "deliveryState" "delivery-state" "endpointHealth" "endpoint-health" "redrives" "redrives" "meta" "meta" "deadLetters" "dead-letters" -}}
{{- index .root.Values.topics.names .topic | default (printf "%s.%s" .root.Values.appId (index $short .topic)) -}}
{{- end }}
