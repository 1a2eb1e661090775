;;; emacs_session.el --- Run inside Emacs: open, break, see the finding, take the action, save -*- lexical-binding: t -*-

;;; Commentary:

;; Says what it saw as JSON into the file named by the session; any error ends Emacs with another exit code than 0.

;;; Code:

(load (expand-file-name "emacs_common.el" (file-name-directory load-file-name)))
(begin)

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
