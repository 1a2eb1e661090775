;;; code-agent.el --- Start the code-agent language server with Eglot -*- lexical-binding: t -*-

;; Package-Requires: ((emacs "26.3") (eglot "1.9"))
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Eglot runs one server for a buffer.  Where another one is to stay the
;; usual one, leave out the modes here and choose with C-u M-x eglot.

;;; Code:

(require 'eglot)
(require 'jsonrpc)

(defgroup code-agent nil
  "Finds documentation that is missing or no longer true, and mends it."
  :group 'tools)

(defcustom code-agent-program "code-agent"
  "The program that is started: a name on the PATH or a whole path."
  :type 'string)

(defcustom code-agent-service nil
  "The address of a service whose language server is used, https://HOST:PORT.
Without one the server runs here."
  :type '(choice (const :tag "None" nil) string))

(defcustom code-agent-modes
  '(python-mode python-ts-mode js-mode js-ts-mode js2-mode typescript-mode
    typescript-ts-mode tsx-ts-mode rust-mode rust-ts-mode rustic-mode go-mode go-ts-mode)
  "Modes whose buffers the server is started for."
  :type '(repeat symbol))

(defcustom code-agent-settings nil
  "Settings of the server, as a property list in the shape of code-agent.toml.
For example (:docs (:width 72))."
  :type 'sexp)

(defun code-agent--contact (&rest _)
  "How Eglot starts the server."
  (append (list code-agent-program "lsp")
          (and code-agent-service (list "--connect" code-agent-service))
          (and code-agent-settings (list :initializationOptions code-agent-settings))))

(defvar code-agent--asked 0
  "How many commands were sent so far.")

(defvar code-agent--running nil
  "Commands under way, the last first: server and token of each.")

(defun code-agent--without-waiting (request server method params &rest options)
  "Send commands of code-agent without waiting; else call REQUEST.
Eglot waits for a command and gives up after ten seconds; nothing can be
typed meanwhile.  A model may take longer.  SERVER, METHOD, PARAMS and
OPTIONS are those of `jsonrpc-request'."
  (let ((command (and (eq method :workspace/executeCommand) (plist-get params :command))))
    (if (not (and command (string-prefix-p "code-agent." (format "%s" command))))
        (apply request server method params options)
      (let* ((own (cons server (format "code-agent-%d" (cl-incf code-agent--asked))))
             (done (lambda () (setq code-agent--running (delq own code-agent--running)))))
        (push own code-agent--running)
        (jsonrpc-async-request
         server method (append params (list :workDoneToken (cdr own)))
         :timeout nil
         :success-fn (lambda (result)
                       (funcall done)
                       (let ((note (and (listp result) (plist-get result :message))))
                         (when (and (stringp note) (not (plist-get result :text))) (message "%s" note))))
         :error-fn (lambda (error)
                     (funcall done)
                     ;; That the text was changed meanwhile is told by the server, since most editors pass over it.
                     (unless (memq (plist-get error :code) '(-32800 -32801))
                       (message "%s" (plist-get error :message)))))
        nil))))

(defun code-agent-cancel ()
  "Cancel what was last begun and is not done yet."
  (interactive)
  (let ((last (pop code-agent--running)))
    (unless last (user-error "Nothing of code-agent is under way"))
    (jsonrpc-notify (car last) :window/workDoneProgress/cancel (list :token (cdr last)))))

;;;###autoload
(defun code-agent-setup ()
  "Make code-agent the server that `eglot' starts in `code-agent-modes'."
  (advice-add 'jsonrpc-request :around #'code-agent--without-waiting)
  (dolist (mode code-agent-modes)
    (add-to-list 'eglot-server-programs (cons mode #'code-agent--contact))))

(provide 'code-agent)
;;; code-agent.el ends here
