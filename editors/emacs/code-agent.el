;;; code-agent.el --- Start the code-agent language server with Eglot -*- lexical-binding: t -*-

;; Package-Requires: ((emacs "26.3") (eglot "1.9"))
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Eglot runs one server for a buffer.  Where another one is to stay the
;; usual one, leave out the modes here and choose with C-u M-x eglot.

;;; Code:

(require 'eglot)

(defgroup code-agent nil
  "Finds documentation that is missing or no longer true, and mends it."
  :group 'tools)

(defcustom code-agent-program "code-agent"
  "The program that is started: a name on the PATH or a whole path."
  :type 'string)

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
          (and code-agent-settings (list :initializationOptions code-agent-settings))))

;;;###autoload
(defun code-agent-setup ()
  "Make code-agent the server that `eglot' starts in `code-agent-modes'."
  (dolist (mode code-agent-modes)
    (add-to-list 'eglot-server-programs (cons mode #'code-agent--contact))))

(provide 'code-agent)
;;; code-agent.el ends here
