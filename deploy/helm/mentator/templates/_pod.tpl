{{/* The pod template of a class. Takes: root, name, class. */}}
{{- define "mentator.pod" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $class := .class -}}
{{- $fullname := include "mentator.fullname" .root -}}
metadata:
  labels:
    {{- include "mentator.selector" .root | nindent 4 }}
    mentator/class: {{ .name }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Another configuration is another pod.
    checksum/files: {{ printf "%s%s" (toJson $values.config) (.root.Files.Get "files/drain.mjs") | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "mentator.serviceAccount" .root | quote }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  # preStop, and what the service takes at most after SIGTERM (8 s).
  terminationGracePeriodSeconds: {{ add $values.drain.beforeSeconds $values.drain.requestSeconds 10 }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with $class.runtimeClassName }}
  runtimeClassName: {{ . | quote }}
  {{- end }}
  {{- with $class.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $class.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $class.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "mentator.selector" .root | nindent 10 }}
          mentator/class: {{ .name }}
  securityContext:
    {{- if include "mentator.startsAsRoot" $class }}
    # The entrypoint joins the groups of the device nodes, and leaves root for the data folder's owner.
    runAsUser: 0
    runAsGroup: 0
    {{- else }}
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    {{- with $class.deviceGroups }}
    supplementalGroups:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- end }}
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: mentator
      image: {{ include "mentator.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- if $values.config }}
      args: [--conf-docker, /etc/mentator/mentator-llm-service.conf.jsonc]
      {{- end }}
      env:
        - name: MENTATOR_BACKEND
          value: {{ $class.backend }}
        {{- if $values.models }}
        - name: MENTATOR_MODELS
          value: {{ join " " $values.models | quote }}
        {{- end }}
        {{- if $values.apiKey.enabled }}
        - name: MENTATOR_API_KEY
          valueFrom:
            secretKeyRef:
              name: {{ include "mentator.apiKeySecret" .root | quote }}
              key: {{ $values.apiKey.secretKey | quote }}
        {{- end }}
        {{- with $values.huggingFace.endpoint }}
        - name: HF_ENDPOINT
          value: {{ . | quote }}
        {{- end }}
        {{- with $values.huggingFace.existingSecret }}
        - name: HF_TOKEN
          valueFrom:
            secretKeyRef:
              name: {{ . | quote }}
              key: {{ $values.huggingFace.secretKey | quote }}
        {{- end }}
        {{- with $class.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: http
          containerPort: 19777
          protocol: TCP
      startupProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: {{ max 1 (div $values.probes.startSeconds 2) }}
      livenessProbe:
        # 503 where the GPU is lost: the container starts anew.
        httpGet: {path: /health, port: http}
        periodSeconds: 10
        timeoutSeconds: 10
        failureThreshold: 6
      readinessProbe:
        # 503 until a model can answer.
        httpGet: {path: /ready, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      lifecycle:
        preStop:
          exec:
            command:
              - node
              - /etc/mentator/drain.mjs
              - {{ $values.drain.beforeSeconds | quote }}
              - {{ $values.drain.requestSeconds | quote }}
      resources:
        {{- $given := default dict $class.resources }}
        {{- $requests := deepCopy (default dict $given.requests) }}
        {{- $limits := deepCopy (default dict $given.limits) }}
        {{- with $class.device }}
        {{- $_ := set $limits .resource (.count | toString) }}
        {{- $_ := set $requests .resource (.count | toString) }}
        {{- end }}
        {{- if $requests }}
        requests:
          {{- toYaml $requests | nindent 10 }}
        {{- end }}
        {{- if $limits }}
        limits:
          {{- toYaml $limits | nindent 10 }}
        {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        privileged: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
          {{- if include "mentator.startsAsRoot" $class }}
          # To become another user, and to give that user the data folder.
          add: [CHOWN, SETGID, SETUID]
          {{- end }}
      volumeMounts:
        - name: data
          mountPath: /opt/mentator-llm-service/data
        {{- if eq $values.storage.type "claim" }}
        - name: models
          mountPath: /opt/mentator-llm-service/data/models
        {{- end }}
        - name: tmp
          mountPath: /tmp
        - name: files
          mountPath: /etc/mentator
          readOnly: true
  volumes:
    - name: data
      {{- if eq $values.storage.type "perPod" }}
      ephemeral:
        volumeClaimTemplate:
          metadata:
            labels:
              {{- include "mentator.selector" .root | nindent 14 }}
          spec:
            accessModes: [ReadWriteOnce]
            {{- with $values.storage.storageClass }}
            storageClassName: {{ . | quote }}
            {{- end }}
            resources:
              requests:
                storage: {{ $values.storage.size }}
      {{- else }}
      emptyDir:
        sizeLimit: {{ $values.storage.size }}
      {{- end }}
    {{- if eq $values.storage.type "claim" }}
    - name: models
      persistentVolumeClaim:
        claimName: {{ default (printf "%s-%s-models" $fullname .name) $values.storage.existingClaim | quote }}
    {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    - name: files
      configMap:
        name: {{ $fullname }}
{{- end -}}
