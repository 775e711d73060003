{{/* How much a queue has to do, for KEDA: counted in the database, where the truth is. The lists in Redis hold no more than the
     workers finish within seconds. What runs counts too, so that a busy worker is not taken away; the count ends where all pods
     are wanted anyway. (dict "queue" "analysis" "most" 800) */}}
{{- define "saemi.openWork" -}}
{{- $open := "state IN ('queued', 'running')" -}}
{{- if eq .queue "decisions" -}}
SELECT count(*) FROM (SELECT 1 FROM calibration_decision WHERE {{ $open }} LIMIT {{ .most }}) AS open_work
{{- else if eq .queue "exports" -}}
SELECT count(*) FROM (SELECT 1 FROM export WHERE {{ $open }} LIMIT {{ .most }}) AS open_work
{{- else -}}
{{- $priorities := eq .queue "interactive" | ternary "'interactive'" "'normal', 'bulk'" -}}
SELECT count(*) FROM (SELECT 1 FROM job JOIN submission ON submission.id = job.submission_id WHERE job.{{ $open }} AND submission.paused_at IS NULL AND submission.priority IN ({{ $priorities }}) LIMIT {{ .most }}) AS open_work
{{- end -}}
{{- end }}
