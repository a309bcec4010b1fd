#compdef mentator
# Completion of ./mentator in zsh. Read it in: source <(./mentator --print-completion-script zsh)

_mentator() {
    local -a found
    # The program that is being typed answers, as there may be several checkouts.
    found=(${(f)"$(${~words[1]} --complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then
        compadd -- $found
    else
        _files
    fi
}

if (( ! $+functions[compdef] )); then
    autoload -Uz compinit && compinit
fi
compdef _mentator mentator
