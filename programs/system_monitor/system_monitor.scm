;; Publishes memory and uptime every minute, and raises an alert when memory runs short.

(define interval-seconds 60)
(define alert-percent 85)

(define (used-percent memory)
  (let ([used (get memory 'used-bytes)]
        [total (get memory 'total-bytes)])
    (if (and used total (> total 0))
        (/ (* 100.0 used) total)
        0.0)))

(define (measure)
  (let ([memory (memory-info)])
    (list (cons 'uptime-seconds (uptime))
          (cons 'memory-free-bytes (get memory 'free-bytes))
          (cons 'memory-used-percent (used-percent memory)))))

;; The alert is given once when the limit is crossed, not at every measurement above it.
(define alerted #f)

(define (watch percent)
  (let ([high (> percent alert-percent)])
    (when (and high (not alerted))
      (log-warn (format "Memory is ~a % used" percent))
      (emit-event "memory-low" percent))
    (set! alerted high)))

(define (report)
  (let ([figures (measure)])
    (mqtt-publish "system/metrics" (json-encode figures))
    (shadow-update "system" figures)
    (watch (get figures 'memory-used-percent))))

(log-info (format "Watching ~a" (get (device-info) 'device-id)))
(report)
(schedule-interval interval-seconds report)
