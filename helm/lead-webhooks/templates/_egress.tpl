{{/* Where pods must get out to beside DNS and receivers, for the network policies and what the notes say of them. */}}

{{/* The port of a URL, as text. */}}
{{- define "lead-webhooks.portOf" -}}
{{- $url := . | default "http://none" | urlParse -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end }}

{{/* As JSON: kafka, registry and tokens, where needed, each as {ports, to, ofDeliver}; ports are texts, and `to` may be empty. */}}
{{- define "lead-webhooks.needs" -}}
{{- $policy := .Values.networkPolicy -}}
{{- $sasl := .Values.kafka.sasl -}}
{{- $ports := list -}}
{{- range .Values.kafka.brokers }}{{- $ports = append $ports (splitList ":" . | last) }}{{- end -}}
{{- $needs := dict "kafka" (dict "ports" ($policy.kafkaPorts | default $ports | toStrings | uniq) "to" $policy.kafkaTo "ofDeliver" true) -}}
{{- if .Values.registry.url -}}
{{- $ports = list (include "lead-webhooks.portOf" .Values.registry.url) -}}
{{- /* Definitions of endpoints in a topic may be in formats of the registry. */ -}}
{{- $ofDeliver := not (empty .Values.endpoints.topic.name) -}}
{{- $_ := set $needs "registry" (dict "ports" ($policy.registryPorts | default $ports | toStrings) "to" $policy.registryTo "ofDeliver" $ofDeliver) -}}
{{- end -}}
{{- $byIam := eq $sasl.mechanism "aws-msk-iam" -}}
{{- if or $byIam (and (eq $sasl.mechanism "oauthbearer") $sasl.oauth.tokenUrl) -}}
{{- $ports = list (ternary "443" (include "lead-webhooks.portOf" $sasl.oauth.tokenUrl) $byIam) -}}
{{- $_ := set $needs "tokens" (dict "ports" ($policy.tokensPorts | default $ports | toStrings) "to" $policy.tokensTo "ofDeliver" true) -}}
{{- end -}}
{{- toJson $needs -}}
{{- end }}

{{/* Not empty when deliver needs something anywhere on a port of receivers: `dict "policy" … "need" {…}`. */}}
{{- define "lead-webhooks.sharedPorts" -}}
{{- $free := include "lead-webhooks.freePorts" . | fromJsonArray -}}
{{- if and .need.ofDeliver (not .need.to) (ne (len $free) (len .need.ports)) -}}yes{{- end -}}
{{- end }}

{{/* Its ports that are none of receivers, as a JSON list. */}}
{{- define "lead-webhooks.freePorts" -}}
{{- $receivers := list -}}
{{- range .policy.receiverPorts }}{{- $receivers = append $receivers (include "lead-webhooks.text" .) }}{{- end -}}
{{- $free := list -}}
{{- range .need.ports }}{{- if not (has . $receivers) }}{{- $free = append $free . }}{{- end }}{{- end -}}
{{- toJson $free -}}
{{- end }}
