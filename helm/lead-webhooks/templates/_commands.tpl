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
