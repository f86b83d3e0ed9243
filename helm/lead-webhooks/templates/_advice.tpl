{{/* What the chart says about values: former names, and what renders but is most likely not meant. */}}

{{/* The value at a path, as JSON, "null" when nothing is there: `dict "values" .Values "path" "a.b"`. */}}
{{- define "lead-webhooks.valueAt" -}}
{{- $at := .values -}}
{{- range splitList "." .path -}}
{{- if kindIs "map" $at -}}{{- $at = index $at . -}}{{- else -}}{{- $at = "" -}}{{- end -}}
{{- end -}}
{{- toJson $at -}}
{{- end }}

{{/* Sentences on former names in use, as a JSON list: `dict "root" $ "works" false` for those that are refused, `true` for the others. */}}
{{- define "lead-webhooks.renamed" -}}
{{- $root := .root -}}
{{- $works := .works -}}
{{- $found := list -}}
{{- range $root.Files.Get "files/renamed.yaml" | fromYamlArray -}}
{{- $rule := . -}}
{{- $paths := list .was -}}
{{- if hasPrefix "settings." .was -}}
{{- range list "rekey" "join" "deliver" -}}{{- $paths = append $paths (printf "%s.%s" . $rule.was) -}}{{- end -}}
{{- end -}}
{{- range $path := $paths -}}
{{- $value := include "lead-webhooks.valueAt" (dict "values" $root.Values "path" $path) -}}
{{- if and (not (has $value (list "null" "\"\""))) (eq $works (not (empty $rule.until))) -}}
{{- $end := ternary (printf ", the former name works until %s" $rule.until) "" $works -}}
{{- $found = append $found (printf "%s: has another name since version %s of the chart: use %s%s" $path $rule.since $rule.use $end) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{/* What an install may be warned of, as a JSON list of sentences. */}}
{{- define "lead-webhooks.warnings" -}}
{{- $v := .Values -}}
{{- $warnings := include "lead-webhooks.renamed" (dict "root" . "works" true) | fromJsonArray -}}
{{- $most := dict "rekey" (int $v.topics.sourcePartitions) "join" (int $v.topics.partitions) "deliver" (int $v.topics.outboundPartitions) -}}
{{- range $stage := include "lead-webhooks.stages" . | fromJsonArray -}}
{{- $values := index $v $stage -}}
{{- $scaled := ($values.autoscaling).enabled -}}
{{- $pods := ternary (dig "autoscaling" "maxReplicas" 0 $values) $values.replicas (eq true $scaled) | int -}}
{{- $partitions := index $most $stage -}}
{{- if and $partitions (gt $pods $partitions) -}}
{{- $warnings = append $warnings (printf "%s: %d pods share %d partitions, %d of them have nothing to do" $stage $pods $partitions (sub $pods $partitions)) -}}
{{- end -}}
{{- if and $scaled (or $v.kafka.sasl.mechanism $v.kafka.tls.enabled $v.strimzi.users.enabled) (not $values.autoscaling.authentication) -}}
{{- $warnings = append $warnings (printf "%s.autoscaling.authentication: without a TriggerAuthentication KEDA speaks to Kafka without TLS and login, and sees no lag" $stage) -}}
{{- end -}}
{{- if and (not $scaled) (eq $pods 1) -}}
{{- $warnings = append $warnings (printf "%s: with one pod the stage stands still while that pod is replaced" $stage) -}}
{{- end -}}
{{- end -}}
{{- if and (or $v.kafka.sasl.mechanism $v.strimzi.users.enabled) (not $v.kafka.tls.enabled) -}}
{{- $warnings = append $warnings "kafka.tls.enabled=false: the login to Kafka goes over the network without TLS" -}}
{{- end -}}
{{- if and $v.registry.secret (hasPrefix "http://" $v.registry.url) -}}
{{- $warnings = append $warnings "registry.url: the password of the registry goes over the network without TLS" -}}
{{- end -}}
{{- if and (include "lead-webhooks.setupCommands" .) (not (include "lead-webhooks.setupIsHook" .)) -}}
{{- $warnings = append $warnings "the setup Job runs beside the stages, not before them: their pods end with code 1 and start again until it is done" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled $v.deliver.enabled -}}
{{- $needs := include "lead-webhooks.needs" . | fromJson -}}
{{- range $what, $need := $needs -}}
{{- if include "lead-webhooks.sharedPorts" (dict "policy" $v.networkPolicy "need" $need) -}}
{{- $warnings = append $warnings (printf "networkPolicy.%sTo: is empty, and its port is one of receiverPorts, so deliver reaches this only outside of the denied ranges; where it is inside of them, say so here" $what) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $warnings -}}
{{- end }}
