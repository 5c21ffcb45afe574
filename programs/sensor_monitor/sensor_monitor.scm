;; Reads the sensors every half minute, publishes what they say, and shows on the LED when something is out of range.

(define interval-seconds 30)

;; Sensor, lowest and highest value that need no attention.
(define limits
  '((temperature 0 45)
    (humidity 10 90)
    (battery-level 20 100)))

(define (in-range? sensors limit)
  (let ([value (get sensors (first limit))])
    (or (not (number? value))
        (and (>= value (second limit)) (<= value (third limit))))))

(define (out-of-range sensors)
  (map first (filter (lambda (limit) (not (in-range? sensors limit))) limits)))

(define (show names)
  (if (empty? names)
      (led-off)
      (begin
        (led-on)
        (for-each (lambda (name) (log-warn (format "~a is out of range" name))) names))))

(define (read-and-publish)
  (let ([sensors (read-sensors)])
    (mqtt-publish "sensors/reading" (json-encode sensors))
    (show (out-of-range sensors))))

;; A reading that fails is logged; the next one is tried as usual.
(define (measure)
  (with-handler
    (lambda (problem) (log-error (format "Reading failed: ~a" (error-object-message problem))))
    (read-and-publish)))

(log-info (format "Reading the sensors every ~a s" interval-seconds))
(measure)
(schedule-interval interval-seconds measure)
