;;; eglot.el --- A real Emacs with eglot and conexus.el  -*- lexical-binding: t; -*-

;;; Commentary:

;; CONEXUS is the program, the current folder a copy of this repository:
;; emacs --batch --no-init-file -L editors/emacs -l editors/emacs/tests/eglot.el

;;; Code:

(load (expand-file-name "harness" (file-name-directory load-file-name)) nil t)

(defvar rows nil "What the person was shown, as texts with their places.")
(setq xref-show-xrefs-function
      (lambda (fetcher _options)
        (setq rows (mapcar (lambda (item)
                             (let ((location (xref-item-location item)))
                               (list (xref-item-summary item)
                                     (xref-location-group location)
                                     (xref-location-line location)
                                     location)))
                           (funcall fetcher)))))

(defun row-of (name)
  "The row that shows NAME."
  (seq-find (lambda (row) (string-match-p (regexp-quote name) (car row))) rows))

(setq conexus-program (or (getenv "CONEXUS") (error "CONEXUS names no program"))
      conexus-limit 20
      conexus-wait-seconds 120
      eglot-sync-connect 60
      eglot-connect-timeout 60
      eglot-autoshutdown nil)

;; Without eglot the program itself is asked.
(find-file "README.md")
(conexus-search "where is a file cut into pieces")
(check (> (length rows) 5) "the program's rows")
(check (seq-every-p (lambda (row) (file-exists-p (nth 1 row))) rows) "a row leads to no file")

;; A program that is missing is one clear word.
(let ((conexus-program "no-such-conexus"))
  (check (string-match-p "no-such-conexus is not there: install it"
                         (condition-case failure (progn (conexus-search "x") "nothing")
                           (user-error (error-message-string failure))))
         "the missing program"))

;; With eglot.
(conexus-add-to-eglot '(python-mode))
(find-file "tests/peers/pytest_lsp/test_presets.py")
(check (eq major-mode 'python-mode) "the mode")
(call-interactively #'eglot)
(with-timeout (60 (error "waited in vain for the server"))
  (while (not (conexus--server)) (accept-process-output nil 0.05)))
(with-timeout (120 (error "waited in vain for a complete index"))
  (while (not (equal "idle" (plist-get (aref (plist-get (conexus--ask :conexus/status nil) :workspaces) 0) :activity)))
    (accept-process-output nil 0.05)))

;; Typed below a line of letters that take several units, and not saved.
(goto-char (point-max))
(insert "\n# 😀 grüße\ndef brew_espresso():\n    \"\"\"Warms up the coffee machine before breakfast.\"\"\"\n\n\n"
        "def open_kitchen():\n    brew_espresso()\n")
(let ((typed-at (save-excursion (search-backward "def brew_espresso") (line-number-at-pos))))
  (conexus-search "warm up the coffee machine in the morning")
  (let ((row (row-of "brew_espresso")))
    (check row (format "what was typed is not found: %S" rows))
    (check (= (nth 2 row) typed-at) (format "it is said to be in line %d, not %d" (nth 2 row) typed-at))
    (check (string-suffix-p "test_presets.py" (nth 1 row)) "its file")
    (goto-char (point-min))
    (goto-char (xref-location-marker (nth 3 row)))
    (check (looking-at-p "brew_espresso") "the place of the row")))
(check (buffer-modified-p) "the buffer was saved")

(conexus-callers)
(check (row-of "open_kitchen") (format "the callers are %S" rows))
(conexus-context)
(check (string-match-p "Warms up the coffee machine" (current-kill 0)) "the context pack")

;; What every client of eglot has.
(let ((symbols (mapcar (lambda (symbol) (plist-get symbol :name))
                       (append (jsonrpc-request (eglot-current-server) :workspace/symbol
                                                '(:query "warm up the coffee machine in the morning"))
                               nil))))
  (check (member "brew_espresso" symbols) (format "workspace/symbol gives %S" symbols)))

(let* ((server (eglot-current-server))
       (process (jsonrpc--process server)))
  (set-buffer-modified-p nil)
  (eglot-shutdown server)
  (with-timeout (30 (error "the server outlives its editor"))
    (while (process-live-p process) (accept-process-output nil 0.05))))

;; A finding is shown, and its code action changes the file: a page links a file by the name that it had.
(define-derived-mode page-mode text-mode "Page")
(conexus-add-to-eglot '(page-mode))
(setq-default eglot-workspace-configuration '(:conexus (:diagnostics t)))
(let* ((folder (file-name-as-directory (make-temp-file "kitchen" t)))
       (default-directory folder)
       (git (lambda (&rest arguments)
              (check (= 0 (apply #'call-process "git" nil nil nil "-c" "user.name=Somebody"
                                 "-c" "user.email=somebody@example.org" arguments))
                     (format "git %S" arguments)))))
  (with-temp-file "plan.py" (insert "def brew_espresso(cups):\n    return cups * 7\n"))
  (with-temp-file "guide.md" (insert "# Kitchen\n\nGrüße: coffee is made by [the plan](plan.py).\n"))
  (dolist (arguments '(("init" "--quiet") ("add" "--all") ("commit" "--quiet" "--message=Begin")
                       ("mv" "plan.py" "recipe.py") ("commit" "--quiet" "--message=Rename a file")))
    (apply git arguments))
  (find-file "guide.md")
  (page-mode)
  (call-interactively #'eglot)
  (with-timeout (60 (error "waited in vain for the finding"))
    (while (null (flymake-diagnostics)) (accept-process-output nil 0.05)))
  (goto-char (flymake-diagnostic-beg (car (flymake-diagnostics))))
  (check (looking-at-p "plan\\.py") "the place of the finding")
  (let* ((actions (eglot-code-actions (point) nil nil nil))
         (fix (seq-find (lambda (action) (equal (plist-get action :title) "Write `recipe.py`")) actions)))
    (check fix (format "the actions are %S" actions))
    (eglot-execute (eglot-current-server) fix))
  (check (save-excursion (goto-char (point-min)) (search-forward "by [the plan](recipe.py)" nil t)) (buffer-string))
  ;; Without a person at the keys Emacs is never idle, which is when it tells the server.
  (eglot--signal-textDocument/didChange)
  (with-timeout (60 (error "the finding stays"))
    (while (flymake-diagnostics) (accept-process-output nil 0.05)))
  (set-buffer-modified-p nil)
  (eglot-shutdown (eglot-current-server))
  (delete-directory folder t))

(message "emacs: %d checks passed on %s" checks emacs-version)

;;; eglot.el ends here
