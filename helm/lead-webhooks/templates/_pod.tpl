{{/* The pods of the stages; all three are made here, so that they cannot drift apart. */}}

{{/* A security context, without ids where OpenShift gives them: `dict "root" $ "context" {…}`. */}}
{{- define "lead-webhooks.securityContext" -}}
{{- $adapt := .root.Values.openshift.adaptSecurityContext -}}
{{- $context := .context -}}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") (.root.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{- toYaml $context -}}
{{- end }}

{{/* What every pod has, Jobs and tests too. */}}
{{- define "lead-webhooks.podBase" -}}
automountServiceAccountToken: false
# The names that Kubernetes makes for Services could be taken for settings of the program.
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . | quote }}
{{- end }}
{{- end }}
securityContext:
  {{- include "lead-webhooks.securityContext" (dict "root" . "context" .Values.podSecurityContext) | nindent 2 }}
{{- end }}

{{/* The pod template of a stage: `dict "root" $ "stage" "rekey"`. */}}
{{- define "lead-webhooks.pod" -}}
{{- $root := .root -}}
{{- $stage := index $root.Values .stage -}}
{{- $access := dict "root" $root "stage" .stage -}}
{{- $labels := printf "%s\napp.kubernetes.io/component: %s" (include "lead-webhooks.selectorLabels" $root) .stage -}}
metadata:
  labels:
    {{- include "lead-webhooks.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .stage }}
    {{- with $stage.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ .stage }}
    {{- if and (eq .stage "deliver") $root.Values.endpoints.list $root.Values.endpoints.restartOnChange }}
    checksum/endpoints: {{ toYaml $root.Values.endpoints.list | sha256sum }}
    {{- end }}
    {{- with $stage.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "lead-webhooks.serviceAccountName" $root }}
  {{- include "lead-webhooks.podBase" $root | nindent 2 }}
  # The program ends itself in time; the grace period is a little more, so that it is never killed in the middle.
  terminationGracePeriodSeconds: {{ add (div (int64 $stage.shutdownTimeoutMs) 1000) 5 }}
  {{- with $stage.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with $stage.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $stage.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
  {{- if $stage.topologySpreadConstraints }}
    {{- toYaml $stage.topologySpreadConstraints | nindent 4 }}
  {{- else }}
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- $labels | nindent 10 }}
  {{- end }}
  {{- end }}
  containers:
    - name: {{ .stage }}
      image: {{ include "lead-webhooks.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [run, --stages, {{ .stage }}]
      # `kubectl describe` shows the last lines of a pod that ended, and so the reason.
      terminationMessagePolicy: FallbackToLogsOnError
      env:
        {{- include "lead-webhooks.env" (merge (dict "settings" $stage.settings) $access) | nindent 8 }}
        - name: LEAD_WEBHOOKS_ADMIN_HOST
          value: {{ $root.Values.adminHost | quote }}
        - name: LEAD_WEBHOOKS_SHUTDOWN_TIMEOUT_MS
          value: {{ include "lead-webhooks.text" $stage.shutdownTimeoutMs | quote }}
        # A pod that comes back under its name takes its place in the group at once.
        - name: LEAD_WEBHOOKS_INSTANCE_ID
          valueFrom: { fieldRef: { fieldPath: metadata.name } }
        {{- with and (eq .stage "deliver") (include "lead-webhooks.endpointEnv" $root) }}
        {{- . | trim | nindent 8 }}
        {{- end }}
        {{- with $stage.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: admin
          containerPort: 8080
      # Live from the first second on: loading state takes long, and is a matter of readiness.
      startupProbe:
        httpGet: { path: /livez, port: admin }
        periodSeconds: 1
        timeoutSeconds: 5
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /livez, port: admin }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: admin }
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 3
      resources:
        {{- toYaml $stage.resources | nindent 8 }}
      securityContext:
        {{- include "lead-webhooks.securityContext" (dict "root" $root "context" $root.Values.securityContext) | nindent 8 }}
      {{- $mounts := include "lead-webhooks.secretMounts" $access }}
      {{- if eq .stage "deliver" }}{{- $mounts = printf "%s%s" $mounts (include "lead-webhooks.endpointMounts" $root) }}{{- end }}
      {{- with $stage.extraVolumeMounts }}{{- $mounts = printf "%s\n%s" $mounts (toYaml .) }}{{- end }}
      {{- with $mounts | trim }}
      volumeMounts:
        {{- . | nindent 8 }}
      {{- end }}
  {{- $volumes := include "lead-webhooks.secretVolumes" $access }}
  {{- if eq .stage "deliver" }}{{- $volumes = printf "%s%s" $volumes (include "lead-webhooks.endpointVolumes" $root) }}{{- end }}
  {{- with $stage.extraVolumes }}{{- $volumes = printf "%s\n%s" $volumes (toYaml .) }}{{- end }}
  {{- with $volumes | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
{{- end }}
