;;; emacs_session.el --- Run inside Emacs: open, break, see the finding, take the action, save -*- lexical-binding: t -*-

;;; Commentary:

;; Says what it saw as JSON into the file named by the session; any error ends Emacs with another exit code than 0.

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

(find-file (told :file))
(setq-local require-final-newline nil)
(apply #'eglot--connect (eglot--guess-contact))
(wait-for "the server" (lambda () (eglot-current-server)))
(wait-for "the document to be managed" (lambda () (bound-and-true-p eglot--managed-mode)))

(defun mend ()
  "Break the documentation, wait for the finding, take the action."
  (goto-char (point-min))
  (search-forward (told :right))
  (replace-match (told :wrong) t t)
  (let* ((found (wait-for "the finding" (lambda () (flymake-start) (finding))))
         (beg (flymake-diagnostic-beg found))
         (end (flymake-diagnostic-end found))
         (report (list :underlined (buffer-substring-no-properties beg end) :message (flymake-diagnostic-text found)))
         (actions (eglot-code-actions beg end "quickfix"))
         (action (seq-find (lambda (action) (string-match-p "Rename to" (plist-get action :title))) actions)))
    (unless action (error "No action mends it: %S" actions))
    ;; The menu of actions is a window, which batch mode has not; this is what a choice in it does.
    (eglot--read-execute-code-action (list action) (eglot-current-server) "quickfix")
    (wait-for "the fix" (lambda () (save-excursion (goto-char (point-min)) (search-forward (told :right) nil t))))
    (wait-for "the finding to go" (lambda () (flymake-start) (not (finding))))
    (save-buffer)
    (with-temp-file (told :report) (insert (json-encode report)))))

(defun look ()
  "Wait for the finding in the file as it is."
  (let ((found (wait-for "the finding" (lambda () (flymake-start) (finding)))))
    (with-temp-file (told :report) (insert (json-encode (list :message (flymake-diagnostic-text found)))))))

(if (told :right) (mend) (look))
(eglot-shutdown (eglot-current-server))
(kill-emacs 0)
;;; emacs_session.el ends here
