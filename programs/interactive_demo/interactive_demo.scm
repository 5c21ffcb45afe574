;; Answers commands that arrive as events: "blink", "status", "remember" and "recall".

(define commands 0)

(define (count-command name)
  (set! commands (+ commands 1))
  (log-info (format "Command ~a: ~a" commands name)))

(define (answer kind value)
  (mqtt-publish (string-append "demo/" kind)
                (json-encode (list (cons 'command commands) (cons 'value value)))))

(define (on-blink data)
  (count-command "blink")
  (let ([times (if (number? data) (min data 10) 3)])
    (repeat times
            (lambda ()
              (led-on)
              (sleep 0.2)
              (led-off)
              (sleep 0.2)))
    (answer "blink" times)))

(define (on-status data)
  (count-command "status")
  (answer "status"
          (list (cons 'led (led-state))
                (cons 'uptime-seconds (uptime))
                (cons 'free-bytes (get (memory-info) 'free-bytes)))))

(define (on-remember data)
  (count-command "remember")
  (store "demo" (json-encode data))
  (answer "remember" data))

(define (on-recall data)
  (count-command "recall")
  (let ([text (load "demo")])
    (answer "recall" (if text (json-decode text) "nothing"))))

(register-event-handler "blink" on-blink)
(register-event-handler "status" on-status)
(register-event-handler "remember" on-remember)
(register-event-handler "recall" on-recall)

;; Reminds of itself after five minutes without a command.
(define (remind)
  (when (= commands 0)
    (log-info "No command so far: publish blink, status, remember or recall")))

(set-timer "reminder" 300 remind)
(log-info "Waiting for commands")
