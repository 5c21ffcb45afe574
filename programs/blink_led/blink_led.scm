;; Blinks the LED five times, once a second, and says what it does.

(define blinks 5)
(define seconds-on 0.5)
(define seconds-off 0.5)

(define (blink-once)
  (led-on)
  (sleep seconds-on)
  (led-off)
  (sleep seconds-off))

(log-info (format "Blinking ~a times" blinks))
(repeat blinks blink-once)
(log-info "Blinking done")
