{{/* The chart's name for things, at most 40 characters: the class and a suffix follow. */}}
{{- define "mentator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mentator.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mentator.labels" -}}
{{ include "mentator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "mentator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "mentator.serviceAccount" -}}
{{- default (ternary (include "mentator.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "mentator.apiKeySecret" -}}
{{- default (printf "%s-api-key" (include "mentator.fullname" .)) .Values.apiKey.existingSecret -}}
{{- end -}}

{{/* The classes that are enabled, as YAML: a map by name. Fails where there is none. */}}
{{- define "mentator.classes" -}}
{{- $enabled := dict -}}
{{- range $name, $class := .Values.classes -}}
{{- if $class -}}{{- if $class.enabled -}}{{- $_ := set $enabled $name $class -}}{{- end -}}{{- end -}}
{{- end -}}
{{- if not $enabled -}}
{{- fail "No class of nodes is enabled. Enable one, such as: --set classes.cpu.enabled=true" -}}
{{- end -}}
{{- toYaml $enabled -}}
{{- end -}}

{{/* What the values' schema cannot say, since it concerns values together. */}}
{{- define "mentator.check" -}}
{{- $scaled := ne .Values.autoscaling.type "none" -}}
{{- if and $scaled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas." -}}
{{- end -}}
{{- $once := and (eq .Values.storage.type "claim") (not .Values.storage.existingClaim) (ne .Values.storage.accessMode "ReadWriteMany") -}}
{{- range $name, $class := fromYaml (include "mentator.classes" .) -}}
{{- if and $once (or $scaled (gt (int $class.replicas) 1)) -}}
{{- fail (printf "The claim of class %s has accessMode ReadWriteOnce, which serves one pod. Take storage.accessMode ReadWriteMany, storage.type perPod, or replicas 1 without autoscaling." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Whether a class has to start as root, to join groups whose numbers nobody named: "true" or "".
*/}}
{{- define "mentator.startsAsRoot" -}}
{{- if and .needsDeviceGroups (not .deviceGroups) -}}true{{- end -}}
{{- end -}}

{{/* How streams pass the ingress controllers: no buffering, and no end after a minute without a token. */}}
{{- define "mentator.ingressAnnotations" -}}
{{- if eq .Values.ingress.controller "nginx" }}
nginx.ingress.kubernetes.io/proxy-buffering: "off"
nginx.ingress.kubernetes.io/proxy-request-buffering: "off"
nginx.ingress.kubernetes.io/proxy-read-timeout: "3600"
nginx.ingress.kubernetes.io/proxy-send-timeout: "3600"
nginx.ingress.kubernetes.io/proxy-body-size: 16m
{{- if .Values.ingress.hashBy }}
nginx.ingress.kubernetes.io/upstream-hash-by: {{ .Values.ingress.hashBy | quote }}
{{- end }}
{{- else if eq .Values.ingress.controller "haproxy" }}
haproxy.org/timeout-server: 3600s
haproxy.org/load-balance: leastconn
{{- end }}
{{- end -}}
