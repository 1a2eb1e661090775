;;; emacs_models.el --- Run inside Emacs: take the actions of a model, type meanwhile, cancel, lose the model -*- lexical-binding: t -*-

;;; Commentary:

;; Says what it saw as JSON into the file named by the session; any error ends Emacs with another exit code than 0.

;;; Code:

(require 'url)
(load (expand-file-name "emacs_common.el" (file-name-directory load-file-name)))
(begin)

(defvar said nil "What was told to the user, the last first.")
(advice-add 'message :before (lambda (format &rest args) (when format (push (apply #'format-message format args) said))))

(defvar report nil)
(defun tell (key value) (setq report (plist-put report key value)))
(defun text () (buffer-substring-no-properties (point-min) (point-max)))

(defun steer (&rest how)
  "Tell the model how to answer from now on, and return what it has seen."
  (let ((url-request-method "PUT") (url-show-status nil)
        (url-request-data (json-encode (or how (make-hash-table)))))
    (with-current-buffer (url-retrieve-synchronously (told :double) t t 10)
      (goto-char url-http-end-of-headers)
      (json-parse-buffer :object-type 'plist :false-object nil))))

(defun take (title &optional word finding)
  "Take the action whose title begins so, at WORD and for FINDING, as a choice in the menu does."
  (goto-char (point-min))
  (search-forward (or word "def sub"))
  (let* ((here (point))
         (action (wait-for title (lambda ()
                                   (seq-find (lambda (action) (string-prefix-p title (plist-get action :title)))
                                             (if finding
                                                 (cl-letf (((symbol-function 'flymake-diagnostics) (lambda (&rest _) (list finding))))
                                                   (eglot-code-actions (- here 1) here))
                                               (eglot-code-actions here here)))))))
    (eglot--read-execute-code-action (list action) (eglot-current-server) "chosen")))

(defun heard (words)
  "What was told with WORDS in it."
  (wait-for words (lambda () (seq-find (lambda (line) (string-match-p (regexp-quote words) line)) said))))

(defun has (words) (lambda () (string-match-p (regexp-quote words) (text))))

(defvar undocumented (text))
(defun anew ()
  "The text as it was at first."
  (setq said nil)
  (erase-buffer)
  (insert undocumented)
  (save-buffer))

;; Documenting, while somebody types.
(steer :before 0.6)
(take "Document `subtract` · local model")
(tell :waits (and (funcall (has "Take 🎉")) t))
(goto-char (point-min))
(insert "# typed 🎉\n")
(wait-for "the documentation" (has "Take 🎉 one number"))
(tell :documented (text))

;; Explaining.
(anew)
(steer)
(take "Explain `subtract`")
(tell :explained (heard "It takes `second`"))

;; A finding that nothing but a model mends.
(let* ((beg (save-excursion (goto-char (point-min)) (search-forward "return first") (match-beginning 0)))
       (finding (flymake-make-diagnostic (current-buffer) beg (+ beg 6) :warning "Name the difference."
                                         `((eglot-lsp-diag . (:range (:start ,(eglot--pos-to-lsp-position beg) :end ,(eglot--pos-to-lsp-position (+ beg 6)))
                                                              :message "Name the difference." :source "other"))))))
  (take "Fix “Name the difference”" "    re" finding))
(wait-for "the fix" (has "    return difference"))
(tell :fixed (text))

;; Changing code.
(anew)
(take "Simplify `subtract`")
(wait-for "the change" (has "    return difference"))
(tell :refactored (text))

;; The place itself is edited meanwhile.
(anew)
(steer :before 0.6)
(take "Simplify `subtract`")
(goto-char (point-min))
(search-forward "first - second")
(insert " - 0")
(tell :refused (heard "was changed meanwhile"))
(tell :conflict (text))

;; Cancelling.
(anew)
(steer :pace 0.02 :words 5000)
(take "Explain `subtract`")
(wait-for "the question" (lambda () code-agent--running))
(accept-process-output nil 0.5)
(code-agent-cancel)
(wait-for "the model to be told" (lambda () (eq t (plist-get (steer :pace 0.02 :words 5000) :aborted))))
(tell :cancelled (and (null code-agent--running) (equal (text) undocumented) t))

;; Longer than Eglot waits.
(anew)
(steer :before 2.0)
(let ((jsonrpc-default-request-timeout 1))
  (take "Document `subtract` · local model"))
(wait-for "the documentation" (has "Take 🎉 one number"))
;; An answer that nobody waits for any more is passed over; this is told when it comes.
(tell :late (heard "documentation changed"))

;; The model is gone.
(anew)
(steer :down t)
(take "Document `subtract` · local model")
(tell :note (heard "without a model"))
(tell :offline (text))
(take "Simplify `subtract`")
(tell :down (heard "there is no connection"))

(with-temp-file (told :report) (insert (json-encode report)))
(set-buffer-modified-p nil)
(eglot-shutdown (eglot-current-server))
(kill-emacs 0)
;;; emacs_models.el ends here
