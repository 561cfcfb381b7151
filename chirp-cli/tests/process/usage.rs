use super::program::chirp;

#[tokio::test]
async fn help_lists_the_exit_codes() {
    let run = chirp(&["help"]).await;
    let help = run.ok();
    for part in ["completions", "Exit codes:", "130  interrupted"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_is_code_2() {
    for arguments in [&["nonsense"][..], &[], &["completions", "tcsh"]] {
        let run = chirp(arguments).await;
        assert!(!run.failed(2).is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn every_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = chirp(&["completions", shell]).await;
        assert!(run.ok().contains("completions"), "{shell}");
    }
}

#[tokio::test]
async fn times_of_nothing_are_code_2() {
    for arguments in [
        &["call", "tcp://127.0.0.1:1", "S.m", "--timeout", "0"][..],
        &["ls", "tcp://127.0.0.1:1", "--connect-timeout", "0s"],
        &["bench", "tcp://127.0.0.1:1", "S.m", "--seconds", "0"],
        &["top", "tcp://127.0.0.1:1", "--interval", "0ms"],
    ] {
        let run = chirp(arguments).await;
        assert!(
            run.failed(2).contains("a time is longer than zero here"),
            "{run:?}"
        );
    }
}
