defmodule Limiter do
  @moduledoc """
  Lets through so many requests per key and period.

      iex> {:ok, limiter} = Limiter.start_link(limit: 2, period: 1_000)
      iex> Limiter.allow(limiter, "a")
      :ok
  """

  use GenServer
  require Logger

  import Bitwise, only: [<<<: 2]
  alias Limiter.{Bucket, Error}

  @type key :: String.t() | atom()
  @type option :: {:limit, pos_integer()} | {:period, timeout()} | {:name, GenServer.name()}

  @default_limit 10
  @default_period :timer.seconds(1)
  @sweep_every @default_period * (1 <<< 4)

  defstruct buckets: %{}, limit: @default_limit, period: @default_period, refused: 0

  defmodule Error do
    @moduledoc "A request that was refused."
    defexception [:key, :retry_after]

    @impl true
    def message(%{key: key, retry_after: wait}), do: "#{inspect(key)} has to wait #{wait} ms"
  end

  defmodule Bucket do
    @moduledoc false
    @enforce_keys [:left, :since]
    defstruct [:left, :since]

    @type t :: %__MODULE__{left: non_neg_integer(), since: integer()}

    @doc "Takes one out of the bucket, after filling it again when its period is over."
    @spec take(t() | nil, pos_integer(), timeout(), integer()) :: {:ok, t()} | {:wait, pos_integer()}
    def take(nil, limit, _period, now), do: {:ok, %__MODULE__{left: limit - 1, since: now}}

    def take(%__MODULE__{since: since}, limit, period, now) when now - since >= period do
      take(nil, limit, period, now)
    end

    def take(%__MODULE__{left: 0, since: since}, _limit, period, now) do
      {:wait, since + period - now}
    end

    def take(%__MODULE__{left: left} = bucket, _limit, _period, _now) do
      {:ok, %{bucket | left: left - 1}}
    end
  end

  defprotocol Describe do
    @doc "How a limiter is shown to people."
    @fallback_to_any true
    def describe(value)
  end

  defimpl Describe, for: Any do
    def describe(value), do: inspect(value)
  end

  defimpl Describe, for: Limiter do
    def describe(%Limiter{limit: limit, period: period}) do
      ~s(#{limit} each #{period} ms, "fixed window")
    end
  end

  # Client

  @spec start_link([option()]) :: GenServer.on_start()
  def start_link(options \\ []) do
    {own, options} = Keyword.split(options, [:limit, :period])
    GenServer.start_link(__MODULE__, own, options)
  end

  @doc """
  Whether a request may go on.
  """
  @spec allow(GenServer.server(), key()) :: :ok | {:error, Error.t()}
  def allow(limiter, key) when is_binary(key) or is_atom(key) do
    GenServer.call(limiter, {:allow, key})
  end

  @spec allow!(GenServer.server(), key()) :: :ok
  def allow!(limiter, key) do
    case allow(limiter, key) do
      :ok -> :ok
      {:error, %Error{} = error} -> raise error
    end
  end

  @doc "Runs a function when it may; waits for it otherwise."
  def throttle(limiter, key, function, attempts \\ 3)

  def throttle(_limiter, key, _function, 0), do: {:error, %Error{key: key, retry_after: :infinity}}

  def throttle(limiter, key, function, attempts) do
    with :ok <- allow(limiter, key),
         {:ok, result} <- safely(function) do
      {:ok, result}
    else
      {:error, %Error{retry_after: wait}} ->
        Process.sleep(wait)
        throttle(limiter, key, function, attempts - 1)

      {:error, reason} ->
        {:error, reason}
    end
  end

  defp safely(function) do
    {:ok, function.()}
  rescue
    error in [ArgumentError, ArithmeticError] ->
      {:error, Exception.message(error)}
  catch
    :exit, reason -> {:error, {:exit, reason}}
    thrown -> {:error, {:thrown, thrown}}
  after
    Logger.debug("done")
  end

  # Server

  @impl GenServer
  def init(options) do
    schedule_sweep()
    {:ok, struct!(__MODULE__, options)}
  end

  @impl GenServer
  def handle_call({:allow, key}, _from, %__MODULE__{} = state) do
    now = System.monotonic_time(:millisecond)

    case Bucket.take(state.buckets[key], state.limit, state.period, now) do
      {:ok, bucket} ->
        {:reply, :ok, put_in(state.buckets[key], bucket)}

      {:wait, milliseconds} ->
        state = Map.update!(state, :refused, &(&1 + 1))
        {:reply, {:error, %Error{key: key, retry_after: milliseconds}}, state}
    end
  end

  def handle_call(:refused, _from, state), do: {:reply, state.refused, state}

  @impl GenServer
  def handle_info(:sweep, %{buckets: buckets, period: period} = state) do
    oldest = System.monotonic_time(:millisecond) - period

    kept =
      for {key, %Bucket{since: since} = bucket} <- buckets, since > oldest, into: %{} do
        {key, bucket}
      end

    Logger.info(fn -> "#{map_size(buckets) - map_size(kept)} buckets swept" end)
    schedule_sweep()
    {:noreply, %{state | buckets: kept}}
  end

  defp schedule_sweep, do: Process.send_after(self(), :sweep, @sweep_every)

  defmacro limited(limiter, key, do: block) do
    quote do
      case Limiter.allow(unquote(limiter), unquote(key)) do
        :ok -> {:ok, unquote(block)}
        other -> other
      end
    end
  end

  defguard is_period(value) when is_integer(value) and value > 0

  @spec summary([{key(), non_neg_integer()}]) :: String.t()
  def summary(counts) do
    counts
    |> Enum.sort_by(fn {_key, count} -> -count end)
    |> Enum.take(5)
    |> Enum.map_join("\n", fn {key, count} -> "#{String.pad_trailing(to_string(key), 20)}#{count}" end)
    |> case do
      "" -> ~S"nothing \n yet"
      text -> text
    end
  end
end

defmodule LimiterTest do
  use ExUnit.Case, async: true

  setup do
    {:ok, limiter: start_supervised!({Limiter, limit: 1, period: 50})}
  end

  describe "allow/2" do
    test "refuses what is too much", %{limiter: limiter} do
      assert :ok = Limiter.allow(limiter, :a)
      assert {:error, %Limiter.Error{key: :a}} = Limiter.allow(limiter, :a)
    end
  end
end
