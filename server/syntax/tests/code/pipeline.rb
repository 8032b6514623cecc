# frozen_string_literal: true

require "forwardable"
require "json"
require "logger"
require "set"

# Steps that turn records into others, one after another.
module Pipeline
  VERSION = "2.1.0"
  DEFAULTS = { retries: 3, strict: false }.freeze

  class Error < StandardError; end

  # A step failed on a record.
  class StepFailed < Error
    attr_reader :step, :record

    def initialize(step, record, cause_of = nil)
      @step = step
      @record = record
      super("#{step.name} failed on #{record.inspect}#{": #{cause_of.message}" if cause_of}")
    end
  end

  Record = Struct.new(:id, :fields, :tags, keyword_init: true) do
    def [](key)
      fields.fetch(key) { |missing| raise KeyError, "no field #{missing}" }
    end

    def merge(**others) = with_fields(fields.merge(others))

    def with_fields(fields)
      self.class.new(id:, fields:, tags: tags.dup)
    end

    def to_s
      "##{id} (#{tags.to_a.sort.join(", ")})"
    end
  end

  # What every step can do.
  module Step
    def self.included(base)
      base.extend(ClassMethods)
    end

    module ClassMethods
      def options
        @options ||= {}
      end

      def option(name, default: nil)
        options[name] = default
        define_method(name) { @settings.fetch(name, default) }
        define_method(:"#{name}?") { !!public_send(name) }
      end
    end

    def name
      self.class.name.split("::").last.gsub(/([a-z])([A-Z])/, '\1_\2').downcase
    end

    def call(record)
      raise NotImplementedError, "#{self.class}#call"
    end

    def >>(other)
      Chain.new([self, other])
    end
  end

  class Base
    include Step

    def initialize(**settings)
      unknown = settings.keys - self.class.options.keys
      raise ArgumentError, "unknown: #{unknown.join(", ")}" unless unknown.empty?

      @settings = settings
    end
  end

  # Keeps what a block says yes to.
  class Filter < Base
    def initialize(&test)
      super()
      @test = test
    end

    def call(record)
      record if @test.call(record)
    end
  end

  class Rename < Base
    option :from
    option :to
    option :keep, default: false

    def call(record)
      fields = record.fields.dup
      fields[to] = keep? ? fields[from] : fields.delete(from)
      record.with_fields(fields)
    end
  end

  class Convert < Base
    option :field
    option :into, default: :string

    CONVERTERS = {
      string: :to_s.to_proc,
      integer: ->(value) { Integer(value, 10) },
      decimal: ->(value) { Float(value) },
      list: ->(value) { value.to_s.split(/\s*,\s*/) },
    }.freeze

    def call(record)
      converter = CONVERTERS.fetch(into)
      record.merge(field => converter.(record[field]))
    rescue ArgumentError, TypeError => e
      raise StepFailed.new(self, record, e)
    ensure
      @calls = (@calls || 0) + 1
    end

    protected

    attr_reader :calls
  end

  # Several steps as one.
  class Chain
    include Step
    include Enumerable
    extend Forwardable

    def_delegators :@steps, :size, :empty?, :each

    def initialize(steps, logger: Logger.new($stderr, level: :warn))
      @steps = steps
      @logger = logger
    end

    def >>(other)
      self.class.new([*@steps, other], logger: @logger)
    end

    def call(record)
      reduce(record) do |current, step|
        break if current.nil?

        step.call(current)
      end
    end

    def run(records, retries: DEFAULTS[:retries])
      return enum_for(__method__, records, retries:) unless block_given?

      records.each_with_index do |record, index|
        attempts = 0
        begin
          result = call(record)
          yield result, index if result
        rescue StepFailed => failure
          attempts += 1
          retry if attempts < retries
          @logger.error { "given up: #{failure.message}" }
        end
      end
    end
  end

  class << self
    def build(&block)
      builder = Builder.new
      builder.instance_eval(&block)
      builder.to_chain
    end

    private

    def steps = constants.map { |name| const_get(name) }.grep(Class)
  end

  class Builder
    def initialize = @steps = []

    def keep(&test) = @steps << Filter.new(&test)

    def method_missing(name, *arguments, **settings)
      kind = name.to_s.capitalize
      return super unless Pipeline.const_defined?(kind)

      @steps << Pipeline.const_get(kind).new(*arguments, **settings)
    end

    def respond_to_missing?(name, include_private = false)
      Pipeline.const_defined?(name.to_s.capitalize) || super
    end

    def to_chain
      Chain.new(@steps)
    end
  end

  HELP = <<~TEXT
    usage: pipeline [--strict] FILE...

      --strict   end with the first failure, as in `#{VERSION}`
  TEXT
end

if $PROGRAM_NAME == __FILE__
  chain = Pipeline.build do
    keep { |record| record.tags.include?(:new) }
    rename from: :nm, to: :name
    convert field: :age, into: :integer
  end
  case ARGV
  in [] then abort Pipeline::HELP
  in [file, *] if File.exist?(file)
    records = File.foreach(file).lazy.map { |line| JSON.parse(line, symbolize_names: true) }
    chain.run(records.map { |fields| Pipeline::Record.new(id: fields[:id], fields:, tags: Set[:new]) }) { |it| puts it }
  else warn "no such file"
  end
end
