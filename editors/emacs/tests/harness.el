;;; harness.el --- What the tests in a real Emacs begin with  -*- lexical-binding: t; -*-

;;; Code:

;; Debian's eglot lies where only its start-up file looks.
(dolist (folder (file-expand-wildcards "/usr/share/emacs/site-lisp/elpa/*" t))
  (add-to-list 'load-path folder))
(require 'conexus)

(defvar checks 0 "How many there were.")
(defun check (condition what)
  "Fail with WHAT unless CONDITION."
  (setq checks (1+ checks))
  (unless condition (error "%s" what)))

(provide 'harness)
;;; harness.el ends here
