;;; emacs_common.el --- What the sessions in Emacs share: the file is open, and the server runs -*- lexical-binding: t -*-

;;; Code:

(require 'json)
(defvar session (json-parse-string (getenv "SESSION") :object-type 'plist))
(defun told (key) (plist-get session key))

(load (told :plugin))
(require 'flymake)
(setq code-agent-program (told :program)
      ;; Changes are sent at once, and nobody answers questions.
      eglot-send-changes-idle-time 0.05
      eglot-confirm-server-initiated-edits nil
      eglot-sync-connect 30
      eglot-connect-timeout 30
      make-backup-files nil
      create-lockfiles nil)
(when (told :settings) (setq code-agent-settings (told :settings)))
(when (told :service) (setq code-agent-service (told :service)))
(code-agent-setup)

(defun wait-for (what condition)
  "Wait until CONDITION gives something, and return it; fail for WHAT after 30 seconds."
  (let ((end (+ (float-time) 30)) value)
    (while (and (not (setq value (funcall condition))) (< (float-time) end))
      (accept-process-output nil 0.05)
      ;; Eglot sends changes when nothing is typed; in batch mode nothing ever is.
      (when (bound-and-true-p eglot--recent-changes) (eglot--signal-textDocument/didChange)))
    (or value (error "Waited in vain for %s" what))))

(defun finding ()
  "The first finding at hand."
  (car (flymake-diagnostics)))

(defun begin ()
  "Open the file, and wait for the server."
  (find-file (told :file))
  (setq-local require-final-newline nil)
  (apply #'eglot--connect (eglot--guess-contact))
  (wait-for "the server" (lambda () (eglot-current-server)))
  (wait-for "the document to be managed" (lambda () (bound-and-true-p eglot--managed-mode))))
;;; emacs_common.el ends here
