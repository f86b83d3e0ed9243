{{/* What deliver alone gets: where its endpoints are defined, and their secrets. `.` is the root. */}}

{{/* Not empty when there is a file of endpoints. */}}
{{- define "lead-webhooks.endpointsFile" -}}
{{- if or .Values.endpoints.list .Values.endpoints.configMap -}}yes{{- end -}}
{{- end }}

{{- define "lead-webhooks.endpointEnv" -}}
{{- with .Values.endpoints }}
{{- if include "lead-webhooks.endpointsFile" $ }}
- name: LEAD_WEBHOOKS_ENDPOINTS_FILE
  value: /etc/lead-webhooks/endpoints/endpoints.yaml
{{- end }}
{{- if .topic.name }}
- name: LEAD_WEBHOOKS_ENDPOINTS_TOPIC
  value: {{ .topic.name | quote }}
{{- with .topic.addresses }}
- name: LEAD_WEBHOOKS_ENDPOINTS_TOPIC_ADDRESSES
  value: {{ join "," . | quote }}
{{- end }}
{{- if .topic.secretFiles }}
- name: LEAD_WEBHOOKS_ENDPOINTS_TOPIC_SECRETS_DIR
  value: /run/endpoint-secrets
{{- end }}
{{- end }}
{{- if .seal.secret }}
- name: LEAD_WEBHOOKS_SEAL_KEY_FILE
  value: /etc/lead-webhooks/seal/key
{{- end }}
{{- range .secretEnv }}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: { name: {{ .secret | quote }}, key: {{ .key | quote }} }
{{- end }}
{{- end }}
{{- end }}

{{- define "lead-webhooks.endpointMounts" -}}
{{- with .Values.endpoints }}
{{- if include "lead-webhooks.endpointsFile" $ }}
- name: endpoints
  mountPath: /etc/lead-webhooks/endpoints
  readOnly: true
{{- end }}
{{- if .seal.secret }}
- name: seal
  mountPath: /etc/lead-webhooks/seal
  readOnly: true
{{- end }}
{{- range .secretFiles }}
- name: {{ printf "endpoint-%s" .name }}
  mountPath: /run/secrets/{{ .name }}
  readOnly: true
{{- end }}
{{- /* A folder of their own: who writes to the topic may name these files and not those of the operator. */ -}}
{{- range .topic.secretFiles }}
- name: {{ printf "topic-%s" .name }}
  mountPath: /run/endpoint-secrets/{{ .name }}
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{- define "lead-webhooks.endpointVolumes" -}}
{{- with .Values.endpoints }}
{{- if include "lead-webhooks.endpointsFile" $ }}
- name: endpoints
  configMap:
    name: {{ default (printf "%s-endpoints" (include "lead-webhooks.fullname" $)) .configMap }}
{{- end }}
{{- with .seal }}
{{- if .secret }}
- name: seal
  secret:
    secretName: {{ .secret | quote }}
    defaultMode: 0440
    items: [{ key: {{ .key | quote }}, path: key }]
{{- end }}
{{- end }}
{{- range .secretFiles }}
- name: {{ printf "endpoint-%s" .name }}
  secret:
    secretName: {{ .secret | quote }}
    defaultMode: 0440
{{- end }}
{{- range .topic.secretFiles }}
- name: {{ printf "topic-%s" .name }}
  secret:
    secretName: {{ .secret | quote }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end }}
