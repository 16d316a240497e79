using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Rehost.Fuzz.Engine;

namespace Rehost.Fuzz;

/// <summary>Runs each target in a process of its own, so that a hang, a stack that overflows or memory that runs out is a finding and not the end.</summary>
internal sealed class Supervisor(FuzzOptions options, ImmutableArray<FuzzTarget> targets)
{
    private const string MemoryLimit = "0x60000000";
    private const int MostRestarts = 4;
    private const int MinutesOfRound = 10;
    private readonly Lock _gate = new();
    private readonly Queue<FuzzTarget> _waiting = new();
    private int _number;
    private int _rounds;
    private int _seed;

    /// <summary>Long runs go over all targets many times, each time with another sequence of mutations: what is stopped early has seen all of them.</summary>
    public int Run()
    {
        Directory.CreateDirectory(options.Corpus);
        _rounds = Math.Max(1, (int)((options.Minutes ?? 0) / MinutesOfRound));
        for (var round = 0; round < _rounds; round++)
        {
            _seed = unchecked(options.Seed + (round * 7919));
            targets.ToList().ForEach(_waiting.Enqueue);
            var workers = Enumerable.Range(0, options.Workers).Select(_ => new Thread(Take)).ToList();
            workers.ForEach(worker => worker.Start());
            workers.ForEach(worker => worker.Join());
        }

        var totals = FuzzReport.Read(options.Corpus);
        Console.Write(FuzzReport.Table(totals));
        return totals.Values.Any(total => total.Findings.Count > 0) ? 1 : 0;
    }

    private void Take()
    {
        while (true)
        {
            FuzzTarget? target;
            lock (_gate)
            {
                if (!_waiting.TryDequeue(out target))
                {
                    return;
                }
            }

            var seconds = options.Minutes is { } minutes ? minutes * 60 * options.Workers * target.Weight / targets.Sum(one => one.Weight) / _rounds : options.Seconds;
            Fuzz(target, seconds);
        }
    }

    private void Fuzz(FuzzTarget target, double seconds)
    {
        var seed = _seed;
        for (var restarts = 0; restarts < MostRestarts && seconds > 0.5; restarts++)
        {
            var file = Path.Combine(Path.GetFullPath(options.Corpus), string.Create(CultureInfo.InvariantCulture, $"worker-{Environment.ProcessId}-{Interlocked.Increment(ref _number)}.json"));
            var watch = Stopwatch.StartNew();
            var (code, errors) = Start(target, seconds, seed, file);
            var result = File.Exists(file) ? JsonSerializer.Deserialize<CampaignResult>(File.ReadAllText(file)) : null;
            result ??= new CampaignResult { Target = target.Name };
            if (code != 0)
            {
                result = result with { Seconds = watch.Elapsed.TotalSeconds, Findings = [.. result.Findings, Died(target, code, errors, file + ".input")] };
            }

            File.Delete(file);
            File.Delete(file + ".input");
            lock (_gate)
            {
                FuzzReport.Add(options.Corpus, result);
                Console.WriteLine($"{target.Name,-22} {result.Executions,10} executions {result.Executions / Math.Max(0.1, result.ProcessorSeconds),9:0} /s  corpus {result.Corpus,5}  ids {result.Ids.Count,3}  findings {result.Findings.Count}{(code == 0 ? "" : $"  ended with {code}")}");
            }

            if (code == 0)
            {
                return;
            }

            seconds -= Math.Max(result.ProcessorSeconds, 1);
            seed += 1000;
        }
    }

    private (int Code, string Errors) Start(FuzzTarget target, double seconds, int seed, string file)
    {
        var assembly = typeof(Supervisor).Assembly.Location;
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true };
        foreach (var argument in (string[])["exec", assembly, "--target", target.Name, "--seconds", seconds.ToString(CultureInfo.InvariantCulture), "--seed", seed.ToString(CultureInfo.InvariantCulture), "--corpus", options.Corpus, "--result", file])
        {
            start.ArgumentList.Add(argument);
        }

        // An allocation from an unchecked length ends in OutOfMemoryException, not in a dead machine.
        start.Environment["DOTNET_GCHeapHardLimit"] = MemoryLimit;
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, errors);
    }

    private Finding Died(FuzzTarget target, int code, string errors, string capture)
    {
        var key = code == Watchdog.HangCode ? "hang" : $"process ended with {code}: {errors.Split('\n')[0]}";
        if (errors.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("at Rehost.", StringComparison.Ordinal) && !line.StartsWith("at Rehost.Fuzz", StringComparison.Ordinal)).Take(1).ToArray() is [var place])
        {
            key += " " + place;
        }

        var directory = Path.Combine(options.Corpus, "findings", target.Name);
        var path = InputFile.Write(directory, InputFile.NameOf(key + File.GetLastWriteTimeUtc(capture).Ticks), File.Exists(capture) ? CaptureFile.Read(capture) : []);
        File.WriteAllText(path + ".txt", $"{target.Name}\n{key}\n\n{(errors.Length > 20_000 ? errors[..20_000] : errors)}\n");
        return new Finding(target.Name, key, path, 1);
    }
}
